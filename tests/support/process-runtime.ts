/** What the tests of the process runtime share. */
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { ChaincodeSpec_Type } from "../../src/gen/peer/chaincode_pb.ts";
import {
  ProcessRuntime,
  type ProcessRuntimeOptions,
} from "../../src/runtime/process/process-runtime.ts";
import { findToolchain } from "../../src/runtime/process/toolchain.ts";
import type { ChaincodeToRun, StartRequest } from "../../src/runtime/types.ts";
import { withDirectory, written } from "./runtime.ts";

/** A signal that does not abort. */
export const never = new AbortController().signal;
/** What this machine has. */
export const toolchain = findToolchain(Deno.env.toObject(), Deno.execPath());

/** A runtime in a temporary directory, closed afterwards. */
export async function withRuntime(
  run: (runtime: ProcessRuntime, directory: string) => Promise<void>,
  options: Partial<ProcessRuntimeOptions> = {},
): Promise<void> {
  await withDirectory(async (directory) => {
    const runtime = new ProcessRuntime({
      directory,
      logger: silentLogger,
      clock: systemClock,
      ...options,
    });
    try {
      await run(runtime, directory);
    } finally {
      await runtime.close();
    }
  });
}

/** A launch without TLS; nothing listens at the address. */
export function request(chaincode: ChaincodeToRun, peerAddress = "127.0.0.1:1"): StartRequest {
  return { chaincode, peerAddress, tls: undefined, environment: {} };
}

/** A chaincode without dependencies: one script. */
export function script(code: string): ChaincodeToRun {
  return written(ChaincodeSpec_Type.NODE, "script", {
    "src/package.json": '{"scripts":{"start":"node main.js"}}',
    "src/main.js": code,
  });
}
