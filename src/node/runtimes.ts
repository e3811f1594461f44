/**
 * Where this peer's chaincode runs: Docker, local processes, somebody's own terminal or a service that
 * the peer dials. Decided for each chaincode: `chaincode.runtimes.<name>`, else a service that
 * `chaincode.services.<name>` or the package's connection.json names, else `chaincode.runtime`.
 */
import { isIP } from "node:net";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { MetricsProvider } from "../base/metrics.ts";
import type { ChaincodePackage } from "../chaincode/package/chaincode-package.ts";
import type { ChaincodeServiceSettings, ChaincodeSettings, PeerConfig } from "../config/types.ts";
import { ChaincodeSpec_Type } from "../gen/peer/chaincode_pb.ts";
import { chaincodeToRun } from "../runtime/chaincode-to-run.ts";
import { chooseRuntime, type RuntimeChoice } from "../runtime/choose-runtime.ts";
import { createBuildMetrics } from "../runtime/docker/build-metrics.ts";
import type { DockerRuntime } from "../runtime/docker/docker-runtime.ts";
import { ExternalRuntime } from "../runtime/external/external-runtime.ts";
import { connectionFileOf } from "../runtime/service/connection-file.ts";
import { ServiceRuntime, type ServiceRuntimeOptions } from "../runtime/service/service-runtime.ts";
import type { ChaincodeRuntime, ChaincodeToRun, PrunedItem } from "../runtime/types.ts";

export interface RuntimesOptions {
  readonly config: PeerConfig;
  /** Host that chaincode dials, a name in the chaincode listener's certificate. */
  readonly chaincodeHost: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The peer's side of the stream with a chaincode service. */
  serveDialled: ServiceRuntimeOptions["serve"];
  /** Does somebody run this chaincode himself (`denim chaincode dev`)? */
  isAttached(instance: string): boolean;
  readonly metrics: MetricsProvider;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What the choice looks at. */
export type ChaincodeToPlace = Pick<
  ChaincodeToRun,
  "name" | "version" | "type" | "path" | "codePackage"
>;

interface Engines {
  readonly docker: DockerRuntime;
  readonly process: ChaincodeRuntime;
}

export class Runtimes {
  #engines: Promise<Engines> | undefined;
  readonly #external: ExternalRuntime;
  readonly #service: ServiceRuntime;
  readonly #builds = new AbortController();
  readonly #building = new Set<Promise<void>>();
  /** The last reason told, so that the log says it once. */
  #told = "";
  #dockerUsed = false;

  constructor(private readonly options: RuntimesOptions) {
    const { config, clock, logger } = options;
    this.#external = new ExternalRuntime(logger, join(config.peer.fileSystemPath, "external"));
    this.#service = new ServiceRuntime({
      settingsOf: (chaincode) => this.#serviceSettings(chaincode),
      serve: (instance, messages) => options.serveDialled(instance, messages),
      clock,
    });
  }

  /** The runtime for a chaincode. @throws DenimError where none can be used */
  async choose(chaincode: ChaincodeToPlace): Promise<ChaincodeRuntime> {
    const runtime = await this.#choose(chaincode);
    if (runtime.kind === "docker") this.#dockerUsed = true;
    return runtime;
  }

  async #choose(chaincode: ChaincodeToPlace): Promise<ChaincodeRuntime> {
    const { config, logger, isAttached } = this.options;
    const { mode, runtimes, services } = config.chaincode;
    if (mode === "dev" || isAttached(`${chaincode.name}:${chaincode.version}`)) {
      return this.#external;
    }
    const own = runtimes[chaincode.name.toLowerCase()] ?? "auto";
    if (own === "external") return this.#external;
    if (own === "service") return this.#service;
    if (own !== "auto") {
      const { docker, process } = await this.#loaded();
      return own === "docker" ? docker : process;
    }
    if (services[chaincode.name.toLowerCase()] !== undefined) return this.#service;
    // Where the administrator has said how chaincode runs, a package does not decide otherwise.
    if (config.chaincode.runtime === "auto" && connectionFileOf(chaincode) !== undefined) {
      return this.#service;
    }
    const choice = await this.chosen(chaincode.type);
    if (choice.reason !== this.#told) logger.info(`chaincode runs in ${choice.reason}`);
    this.#told = choice.reason;
    return choice.runtime;
  }

  /**
   * Where chaincode of a type runs of which nothing particular is said, with the reason, for people.
   * Asked anew each time: engines come and go.
   */
  async chosen(type: ChaincodeSpec_Type): Promise<RuntimeChoice> {
    const { config } = this.options;
    if (config.chaincode.mode === "dev") {
      return { runtime: this.#external, reason: "started by the user: chaincode.mode is dev" };
    }
    const { docker, process } = await this.#loaded();
    const images = baseImages(type, config.chaincode);
    return await chooseRuntime(config.chaincode.runtime, docker, process, images);
  }

  #serviceSettings(chaincode: ChaincodeToRun): ChaincodeServiceSettings {
    const settings = this.options.config.chaincode.services[chaincode.name.toLowerCase()] ??
      connectionFileOf(chaincode);
    if (settings !== undefined) return settings;
    throw new DenimError(
      "service-unknown",
      `nothing says where the service of chaincode ${chaincode.name} is`,
      { name: chaincode.name },
      `Set chaincode.services.${chaincode.name}.address, or put a connection.json into the package.`,
    );
  }

  #loaded(): Promise<Engines> {
    return this.#engines ??= this.#load();
  }

  async #load(): Promise<Engines> {
    const { config, clock, logger, chaincodeHost, environment } = this.options;
    const [{ DockerRuntime }, { ProcessRuntime }] = await Promise.all([
      import("../runtime/docker/docker-runtime.ts"),
      import("../runtime/process/process-runtime.ts"),
    ]);
    return {
      docker: new DockerRuntime({
        vm: config.vm,
        platforms: config.chaincode,
        build: config.chaincode.build,
        environment,
        peer: { networkId: config.peer.networkId, peerId: config.peer.id },
        owner: config.peer.fileSystemPath,
        peerHost: chaincodeHost,
        metrics: createBuildMetrics(this.options.metrics),
        logger,
        clock,
      }),
      process: new ProcessRuntime({
        directory: join(config.peer.fileSystemPath, "processes"),
        // TLS knows no names that are addresses; the listener's certificate has both.
        tlsServerName: isIP(chaincodeHost) === 0 ? chaincodeHost : "localhost",
        limits: config.chaincode.process,
        environment: Object.fromEntries(
          Object.entries(environment).flatMap(([name, value]) =>
            value === undefined ? [] : [[name, value] as const]
          ),
        ),
        clock,
        logger,
      }),
    };
  }

  /** Has Docker been chosen for any chaincode so far? */
  get dockerUsed(): boolean {
    return this.#dockerUsed;
  }

  /** @throws DenimError `docker-unreachable`, `invalid-endpoint` and the like */
  async checkDocker(): Promise<void> {
    const { docker } = await this.#loaded();
    await docker.healthCheck();
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
    const chaincode = chaincodeToRun(installed);
    const runtime = await this.choose(chaincode);
    const { signal } = this.#builds;
    const silent = { step() {}, output() {} };
    await runtime.build(chaincode, silent, signal);
  }

  /**
   * Removes builds, images and containers of this peer that nothing uses. A runtime that is not there
   * is passed over.
   * @param keep what is installed
   */
  async prune(keep: readonly ChaincodeToRun[]): Promise<PrunedItem[]> {
    if (this.options.config.chaincode.mode === "dev") return [];
    const pruned: PrunedItem[] = [];
    for (const runtime of Object.values(await this.#loaded())) {
      try {
        if ((await runtime.check()).ok) pruned.push(...await runtime.prune?.(keep) ?? []);
      } catch (error) {
        this.options.logger.warn(`pruning of ${runtime.kind}: ${messageOf(error)}`);
      }
    }
    return pruned;
  }

  /** Ends builds and stops everything the runtimes started. */
  async close(): Promise<void> {
    this.#builds.abort(new DenimError("shutting-down", "the peer is shutting down"));
    await Promise.all(this.#building);
    const engines = await this.#engines?.catch(() => undefined);
    await Promise.all([
      engines?.docker.close(),
      engines?.process.close(),
      this.#external.close(),
      this.#service.close(),
    ]);
  }
}

/** Images that a build of this type starts from. */
function baseImages(type: ChaincodeSpec_Type, settings: ChaincodeSettings): string[] {
  switch (type) {
    case ChaincodeSpec_Type.GOLANG:
      return [settings.builder, settings.golang.runtime];
    case ChaincodeSpec_Type.NODE:
      return [settings.builder, settings.node.runtime];
    case ChaincodeSpec_Type.JAVA:
      return [settings.java.runtime];
    case ChaincodeSpec_Type.CAR:
      return [settings.builder, settings.car.runtime];
    default:
      return [];
  }
}
