/**
 * Tests that build chaincode in Go with Fabric's shim: they need a toolchain and a module proxy (or
 * its cache). Without these they are skipped, visibly, unless skipping is forbidden.
 */
import { findToolchain } from "../../src/runtime/process/toolchain.ts";
import { dockerVariables } from "./docker.ts";

/** Why Fabric's shim cannot be built here; undefined where it can. */
export function whyNoGo(): string | undefined {
  const { go } = findToolchain(Deno.env.toObject(), Deno.execPath());
  if (go === undefined) return "no Go toolchain";
  const { success } = new Deno.Command(go, {
    args: ["list", "-m", "github.com/hyperledger/fabric@v1.4.2"],
    env: { GO111MODULE: "on", GOFLAGS: "-mod=mod" },
    stdout: "null",
    stderr: "null",
  }).outputSync();
  return success ? undefined : "no Go module proxy";
}

/** A test that builds Go chaincode. */
export function goTest(name: string, run: (t: Deno.TestContext) => Promise<void>): void {
  const reason = whyNoGo();
  if (reason === undefined) {
    Deno.test(name, run);
  } else if (Deno.env.get(dockerVariables.forbidSkips) === "1") {
    Deno.test(name, () => {
      throw new Error(`skipping is forbidden: ${reason}`);
    });
  } else {
    Deno.test({ name: `${name} (skipped: ${reason})`, ignore: true, fn() {} });
  }
}
