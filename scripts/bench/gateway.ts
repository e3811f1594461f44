/** Applications of fabric-gateway under Node, on an idle development network of one organisation. */
import { join } from "node:path";
import { nodeModules } from "../../tests/support/node-packages.ts";
import { gatewaySdk } from "../../tests/support/gateway-sdk.ts";
import { type Measured, printTable } from "./measure.ts";
import type { Program } from "./program.ts";

export interface GatewayLoad {
  /** One after the other. */
  readonly submits: number;
  /** At the same time. */
  readonly submitters: number;
  readonly transactionsEach: number;
}

interface Outcome {
  readonly latencies: Readonly<Record<string, readonly number[]>>;
  readonly throughput: number;
  readonly failed: number;
}

const names: Readonly<Record<string, string>> = {
  submitToCommit: "submitTransaction, until the commit",
  endorse: "  endorse",
  submit: "  submit",
  commit: "  commit status",
  evaluate: "evaluateTransaction",
  submitToEvent: "submit until the chaincode event",
};

/** @param chaincode directory of the asset example */
export async function benchGateway(
  program: Program,
  chaincode: string,
  load: GatewayLoad,
): Promise<void> {
  const modules = await nodeModules(gatewaySdk);
  const directory = await Deno.makeTempDir({ prefix: "denim-bench-" });
  try {
    await program.run(["up", "--detach", "--port", "0", "--runtime", "process"], directory);
    const about = ["-n", "asset", "-v", "1.0"];
    await program.run(
      ["chaincode", "install", "-l", "node", ...about, "-p", chaincode],
      directory,
    );
    await program.run(
      ["chaincode", "instantiate", "-C", "mychannel", ...about, "-c", '{"Args":["init"]}'],
      directory,
    );
    const outcome = await run(modules, { ...load, apps: join(directory, ".denim", "apps") });
    const results = Object.entries(names).map(([key, name]): Measured => ({
      name,
      unit: "ms",
      values: outcome.latencies[key],
    }));
    results.push({
      name: `submitTransaction, ${load.submitters} at a time`,
      unit: "ms",
      values: outcome.latencies.concurrent,
    });
    printTable("fabric-gateway", results);
    console.log(
      `${load.submitters} submitters: ${outcome.throughput.toFixed(0)} transactions/s, ` +
        `${outcome.failed} failed of ${load.submitters * load.transactionsEach}`,
    );
  } finally {
    await program.run(["down", "--purge"], directory).catch(() => {});
    await Deno.remove(directory, { recursive: true });
  }
}

async function run(modules: string, context: GatewayLoad & { apps: string }): Promise<Outcome> {
  const script = new URL("./gateway-load.cjs", import.meta.url).pathname;
  const { success, stdout } = await new Deno.Command("node", {
    args: [script, JSON.stringify(context)],
    env: { NODE_PATH: modules },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("the load failed");
  return JSON.parse(new TextDecoder().decode(stdout));
}
