/** Where this peer's chaincode runs: Docker, local processes or the user's own terminal. */
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { ChaincodePackage } from "../chaincode/package/chaincode-package.ts";
import type { PeerConfig } from "../config/types.ts";
import { ChaincodeSpec_Type } from "../gen/peer/chaincode_pb.ts";
import { ExternalRuntime } from "../runtime/external/external-runtime.ts";
import type { ChaincodeRuntime, ChaincodeToRun } from "../runtime/types.ts";

export interface RuntimesOptions {
  readonly config: PeerConfig;
  /** Host that chaincode dials, a name in the chaincode listener's certificate. */
  readonly chaincodeHost: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A runtime and why it was taken. */
export interface ChosenRuntime {
  readonly runtime: ChaincodeRuntime;
  readonly reason: string;
}

export class Runtimes {
  #chosen: Promise<ChosenRuntime> | undefined;
  readonly #builds = new AbortController();
  readonly #building = new Set<Promise<void>>();

  constructor(private readonly options: RuntimesOptions) {}

  /** The runtime of this peer; looked for at first use, and again where none was usable. @throws DenimError `no-runtime` */
  async choose(): Promise<ChaincodeRuntime> {
    return (await this.chosen()).runtime;
  }

  /** The same with the reason, for people. */
  chosen(): Promise<ChosenRuntime> {
    this.#chosen ??= this.#find().catch((error) => {
      this.#chosen = undefined;
      throw error;
    });
    return this.#chosen;
  }

  async #find(): Promise<ChosenRuntime> {
    const { config, logger } = this.options;
    if (config.chaincode.mode === "dev") {
      return { runtime: new ExternalRuntime(logger), reason: "chaincode.mode is dev" };
    }
    const { chooseRuntime } = await import("../runtime/choose-runtime.ts");
    const chosen = await chooseRuntime(config.chaincode.runtime, {
      docker: () => this.#docker(),
      process: () => this.#process(),
    });
    logger.info(`chaincode runs in ${chosen.runtime.kind}: ${chosen.reason}`);
    return chosen;
  }

  async #docker(): Promise<ChaincodeRuntime> {
    const { createDockerRuntime } = await import("../runtime/docker/create-docker-runtime.ts");
    const { config, clock, logger } = this.options;
    return createDockerRuntime({
      vm: config.vm,
      chaincode: config.chaincode,
      networkId: config.peer.networkId,
      peerId: config.peer.id,
      clock,
      logger,
    });
  }

  async #process(): Promise<ChaincodeRuntime> {
    const { ProcessRuntime } = await import("../runtime/process/process-runtime.ts");
    const { config, clock, logger, chaincodeHost, environment } = this.options;
    return new ProcessRuntime({
      directory: join(config.peer.fileSystemPath, "processes"),
      tlsServerName: chaincodeHost,
      environment: Object.fromEntries(
        Object.entries(environment).flatMap(([name, value]) =>
          value === undefined ? [] : [[name, value] as const]
        ),
      ),
      clock,
      logger,
    });
  }

  /** Begins to build what was just installed, so that instantiate finds it done. */
  buildEarly(installed: ChaincodePackage): void {
    const building = this.#build(installed).catch((error) => {
      this.options.logger.warn(
        `early build of ${installed.name}:${installed.version} failed: ${messageOf(error)}`,
      );
    });
    this.#building.add(building);
    void building.finally(() => this.#building.delete(building));
  }

  async #build(installed: ChaincodePackage): Promise<void> {
    const runtime = await this.choose();
    const chaincode: ChaincodeToRun = {
      name: installed.name,
      version: installed.version,
      type: installed.deploymentSpec.chaincodeSpec?.type ?? ChaincodeSpec_Type.UNDEFINED,
      path: installed.path,
      codePackage: installed.deploymentSpec.codePackage,
      packageId: installed.id,
    };
    const { signal } = this.#builds;
    const silent = { step() {}, output() {} };
    await runtime.build(chaincode, silent, signal);
  }

  async close(): Promise<void> {
    this.#builds.abort(new DenimError("shutting-down", "the peer is shutting down"));
    await Promise.all(this.#building);
    const chosen = await this.#chosen?.catch(() => undefined);
    await chosen?.runtime.close();
  }
}
