/** Builds of chaincode packages as directories that are kept and shared. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { DenimError, messageOf } from "../../base/errors.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import { buildFailed } from "../build-error.ts";
import { BuildAudience } from "../build-audience.ts";
import { buildKey, tellJoined } from "../build-key.ts";
import { OutputLog } from "../output.ts";
import { SingleFlight } from "../single-flight.ts";
import type { ChaincodeToRun, LaunchObserver, PrunedItem } from "../types.ts";
import type { BuildContext } from "./build.ts";
import { runChild } from "./child.ts";
import { buildEnvironment, type Environment } from "./environment.ts";
import { buildGo } from "./go-build.ts";
import { buildJava } from "./java-build.ts";
import { pruneBuilds } from "./prune.ts";
import { buildNode, type JavaScriptEngine } from "./node-build.ts";
import type { Toolchain } from "./toolchain.ts";

/** A build program may run so long. */
export const buildTimeoutMs = 10 * 60_000;

export interface BuilderOptions {
  /** Holds `builds/` and `cache/`. */
  readonly directory: string;
  readonly clock: Clock;
  readonly toolchain: Toolchain;
  readonly engine: JavaScriptEngine;
  readonly environment: Environment;
}

export class Builder {
  /** A build outlives the client that asked for it: the next attempt finds it further on, or done. */
  readonly #flights: SingleFlight<string>;
  readonly #audience = new BuildAudience();

  constructor(private readonly options: BuilderOptions) {
    this.#flights = new SingleFlight({ whenAbandoned: "continue", clock: options.clock });
  }

  /** Gives up what is being built, and waits for that. */
  close(): Promise<void> {
    return this.#flights.close();
  }

  /** Removes builds that a killed peer did not finish. */
  removeUnfinished(): void {
    const builds = join(this.options.directory, "builds");
    if (!existsSync(builds)) return;
    for (const name of readdirSync(builds).filter((name) => name.includes("."))) {
      rmSync(join(builds, name), { recursive: true, force: true });
    }
  }

  /** The directory of a finished build, made now unless it is there. @throws DenimError */
  async built(
    chaincode: ChaincodeToRun,
    observer: LaunchObserver,
    signal: AbortSignal,
  ): Promise<string> {
    const directory = join(this.options.directory, "builds", buildKey(chaincode));
    const runningForMs = this.#flights.runningForMs(directory);
    if (runningForMs === undefined && existsSync(directory)) return directory;
    if (runningForMs === undefined) observer.step("build", "begin");
    else tellJoined(observer, runningForMs, this.options.clock.now());
    const leave = this.#audience.join(directory, observer);
    try {
      await this.#flights.run(
        directory,
        signal,
        (abandoned) => this.#build(chaincode, directory, abandoned),
      );
      observer.step("build", "end");
      return directory;
    } catch (error) {
      observer.step("build", "failed", { error: messageOf(error) });
      throw error;
    } finally {
      leave();
    }
  }

  /** Removes all builds but those of `keep` and those named in `running`. */
  prune(keep: readonly ChaincodeToRun[], running: ReadonlySet<string>): PrunedItem[] {
    const names = new Set([...keep.map((chaincode) => buildKey(chaincode)), ...running]);
    return pruneBuilds(this.options.directory, names, this.options.clock.now());
  }

  /** Builds beside the final place and moves it there when whole. */
  async #build(
    chaincode: ChaincodeToRun,
    directory: string,
    signal: AbortSignal,
  ): Promise<string> {
    const cacheDirectory = join(this.options.directory, "cache");
    mkdirSync(join(this.options.directory, "builds"), { recursive: true, mode: 0o700 });
    const making = mkdtempSync(`${directory}.`);
    const output = new OutputLog(
      this.options.clock,
      (line) => this.#audience.tell(directory, line),
    );
    const environment = buildEnvironment(this.options.environment);
    const context: BuildContext = {
      chaincode,
      directory: making,
      cacheDirectory,
      toolchain: this.options.toolchain,
      engine: this.options.engine,
      environment,
      run: async (command, arguments_, cwd, more = {}) => {
        const status = await runChild({
          command,
          arguments: arguments_,
          directory: cwd,
          environment: { ...environment, ...more },
          onLine: (_stream, text) => output.add("build", text),
          timeoutMs: buildTimeoutMs,
          signal,
        });
        return status.code === 0 ? undefined : `exit code ${status.code ?? status.signal}`;
      },
      failed: (what, hint) => buildFailed(chaincode, what, output, hint),
    };
    try {
      switch (chaincode.type) {
        case ChaincodeSpec_Type.NODE:
          await buildNode(context);
          break;
        case ChaincodeSpec_Type.GOLANG:
          await buildGo(context);
          break;
        case ChaincodeSpec_Type.JAVA:
          await buildJava(context);
          break;
        default:
          throw new DenimError(
            "unsupported-platform",
            `${ChaincodeSpec_Type[chaincode.type]} chaincode cannot run as a local process`,
            { type: chaincode.type },
            "Run it in Docker.",
          );
      }
      if (!existsSync(directory)) renameSync(making, directory);
      return directory;
    } finally {
      this.#audience.end(directory);
      rmSync(making, { recursive: true, force: true });
    }
  }
}
