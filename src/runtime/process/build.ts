/** What a language's build and launch get and give. */
import type { DenimError } from "../../base/errors.ts";
import type { ChaincodeToRun } from "../types.ts";
import type { Environment } from "./environment.ts";
import type { JavaScriptEngine } from "./node-build.ts";
import type { Toolchain } from "./toolchain.ts";

/** One build into an empty directory. */
export interface BuildContext {
  readonly chaincode: ChaincodeToRun;
  readonly directory: string;
  /** Kept between builds and shared by them. */
  readonly cacheDirectory: string;
  readonly toolchain: Toolchain;
  readonly engine: JavaScriptEngine;
  /** Of the peer's environment what builds may know; `run` passes it on. */
  readonly environment: Environment;
  /** Runs a build program. @returns what went wrong, or undefined on success */
  run(
    command: string,
    arguments_: readonly string[],
    directory: string,
    environment?: Readonly<Record<string, string>>,
  ): Promise<string | undefined>;
  /** An error that carries the build's last output. */
  failed(what: string, hint: string): DenimError;
}

/** Directories and address of one instance. */
export interface LaunchPlaces {
  readonly peerAddress: string;
  /** Private to the instance; the only place it may write to. */
  readonly instance: string;
  readonly denoCache: string;
  /** A DNS name in the peer's TLS certificate; undefined when TLS is off. */
  readonly tlsServerName: string | undefined;
  readonly limits: ProcessLimits;
  /** `host:port` where a debugger is to be listened for; undefined for none. */
  readonly inspect?: string;
}

/** What one chaincode process may use. */
export interface ProcessLimits {
  /** 0 = no limit. */
  readonly memoryBytes: number;
  /** `peer`: under Deno only the peer can be reached. Other programs are not confined. */
  readonly network: "peer" | "all";
}

/** The defaults of `chaincode.process`. */
export const defaultProcessLimits: ProcessLimits = {
  memoryBytes: 2 * 1024 * 1024 * 1024,
  network: "peer",
};

export interface LaunchCommand {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly directory: string;
  readonly environment?: Readonly<Record<string, string>>;
}
