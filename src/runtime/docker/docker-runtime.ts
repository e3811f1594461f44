/** Chaincode in Docker containers. Mirrors core/container/dockercontroller and core/chaincode/container_runtime.go. */
import { posix } from "node:path";
import { Buffer } from "node:buffer";
import { withDeadline } from "../../base/async.ts";
import { hex } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { DenimError, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { ChaincodeSettings, VmSettings } from "../../config/types.ts";
import { BuildAudience } from "../build-audience.ts";
import { buildKey, tellJoined } from "../build-key.ts";
import { Gate } from "../gate.ts";
import { containerTlsPaths, launchEnvironment, tlsFiles } from "../launch-environment.ts";
import { OutputLog } from "../output.ts";
import { platformOf } from "../platforms/platforms.ts";
import { writeTar } from "../platforms/tar.ts";
import type { PlatformSettings } from "../platforms/types.ts";
import { SingleFlight, throwIfAborted, unlessAborted } from "../single-flight.ts";
import type {
  ChaincodeRuntime,
  ChaincodeToRun,
  LaunchObserver,
  PrunedItem,
  RunningChaincode,
  StartRequest,
} from "../types.ts";
import type { BuildMetrics } from "./build-metrics.ts";
import { builderSurroundings } from "./builder-surroundings.ts";
import { connectEngine, type EngineConnection, pingTimeoutMs } from "./connect.ts";
import { credentialHelper } from "./credential-helper.ts";
import {
  type CredentialHelper,
  credentialsFor,
  type Environment,
  readDockerConfig,
} from "./docker-config.ts";
import type { Dockerode, DockerodeContainer } from "./dockerode-types.ts";
import { apiError, lostEngine, statusOf, unreachable } from "./engine-error.ts";
import { builderHostConfig, limited, tlsDirectory } from "./hardening.ts";
import {
  hostConfig,
  isLocal,
  localPeerRefusal,
  networkMode,
  type ReachableAddress,
  reachableAddress,
} from "./host-config.ts";
import { buildImage, containerStepTimeoutMs, removeContainer } from "./image-build.ts";
import { containerName, imageName, type PeerNames } from "./names.ts";
import { imageLabels } from "./image-labels.ts";
import { removeLeftovers } from "./leftovers.ts";
import { SeenImages } from "./seen-images.ts";
import { pruneEngine } from "./prune.ts";
import { followContainer } from "./running-container.ts";
import { UnremovedContainers } from "./unremoved-containers.ts";

/** Labels on images and containers. */
const label = {
  package: "org.denim.package",
  build: "org.denim.build",
  chaincode: "org.denim.chaincode",
  owner: "org.denim.owner",
};

/** So many containers are removed at once when the runtime is closed. */
const maxParallelRemovals = 4;

export interface DockerRuntimeOptions {
  readonly vm: VmSettings;
  /** The `chaincode` section of the configuration. */
  readonly platforms: PlatformSettings;
  /** `chaincode.build`; caches are kept unless it says otherwise. */
  readonly build?: ChaincodeSettings["build"];
  readonly peer: PeerNames;
  /**
   * Tells this peer's containers from those of others, over restarts: something derived from its data
   * directory. When given, containers that a killed peer left are removed on first use.
   */
  readonly owner?: string;
  /** Host of the address that chaincode dials; where it is given, an engine from which it cannot be reached is not well. */
  readonly peerHost?: string;
  /** The peer's: where to find the engine, credentials, proxies and certificates. */
  readonly environment?: Environment;
  /** Asks a credential helper; the programs of that name on PATH where not given. */
  readonly credentialHelper?: CredentialHelper;
  /** Default: nothing is counted. */
  readonly metrics?: BuildMetrics;
  readonly logger: Logger;
  readonly clock: Clock;
}

export class DockerRuntime implements ChaincodeRuntime {
  readonly kind = "docker";
  /** By what is built; a build outlives the client that asked for it. */
  readonly #builds: SingleFlight<void>;
  /** More builds at a time than processors make all of them slower, and the engine deaf. */
  readonly #slots = new Gate(Math.max(2, navigator.hardwareConcurrency));
  readonly #seen: SeenImages;
  readonly #audience = new BuildAudience();
  readonly #running = new Set<RunningChaincode>();
  readonly #logger: Logger;
  #connection: Promise<EngineConnection> | undefined;
  #leftovers: Promise<void> | undefined;
  readonly #unremoved: UnremovedContainers;
  #closed = false;

  constructor(private readonly options: DockerRuntimeOptions) {
    this.#logger = options.logger.named("dockercontroller");
    this.#seen = new SeenImages(options.clock);
    this.#unremoved = new UnremovedContainers(this.#logger);
    this.#builds = new SingleFlight({ whenAbandoned: "continue", clock: options.clock });
  }

  build(chaincode: ChaincodeToRun, observer: LaunchObserver, signal: AbortSignal): Promise<void> {
    return this.#renewing(() => this.#ensureBuilt(chaincode, observer, signal));
  }

  start(
    request: StartRequest,
    observer: LaunchObserver,
    signal: AbortSignal,
  ): Promise<RunningChaincode> {
    return this.#renewing(() => this.#start(request, observer, signal));
  }

  /** An engine that was lost may come back elsewhere, or in another version: the next one is looked for. */
  async #renewing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (lostEngine(error)) this.#connection = undefined;
      throw error;
    }
  }

  async #ensureBuilt(
    chaincode: ChaincodeToRun,
    observer: LaunchObserver,
    signal: AbortSignal,
  ): Promise<void> {
    const { docker } = await this.#engine(signal);
    const image = this.#imageName(chaincode);
    const { builder, golang, car, java, node } = this.options.platforms;
    const key = buildKey(chaincode, [builder, JSON.stringify([golang, car, java, node])]);
    // Waits for a build of the same package under another name, whose image is then only relabelled.
    while (!await this.#isBuilt(docker, image, chaincode, signal)) {
      const runningForMs = this.#builds.runningForMs(key);
      if (runningForMs !== undefined) tellJoined(observer, runningForMs, this.options.clock.now());
      const leave = this.#audience.join(key, observer);
      try {
        await this.#builds.run(
          key,
          signal,
          (abandoned) => this.#build(docker, chaincode, image, key, observer, abandoned),
        );
        if (runningForMs === undefined) break;
        observer.step("build", "end");
      } catch (error) {
        if (runningForMs !== undefined) {
          observer.step("build", "failed", { error: messageOf(error) });
        }
        throw error;
      } finally {
        leave();
      }
    }
    this.#seen.saw(image, hex(chaincode.packageId));
  }

  async #build(
    docker: Dockerode,
    chaincode: ChaincodeToRun,
    image: string,
    key: string,
    observer: LaunchObserver,
    abandoned: AbortSignal,
  ): Promise<void> {
    const { platforms, environment = {}, build, vm } = this.options;
    const config = readDockerConfig(environment);
    const askHelper = this.options.credentialHelper ?? credentialHelper(environment);
    const output = new OutputLog(this.options.clock, (line) => {
      this.#logger.debug(line.text, { image });
      this.#audience.tell(key, line);
    });
    const building = this.#slots.run(abandoned, () =>
      buildImage({
        docker,
        chaincode,
        image,
        settings: platforms,
        labels: {
          [label.package]: hex(chaincode.packageId),
          [label.build]: key,
          ...this.#ownerLabel(),
        },
        buildLabel: [label.build, key],
        containerLabels: this.#containerLabels(chaincode),
        hostConfig: builderHostConfig(
          { NetworkMode: networkMode(vm.docker.hostConfig) },
          vm.docker.hardening,
        ),
        surroundings: builderSurroundings({
          type: chaincode.type,
          cache: build?.cache ?? true,
          caFile: build?.caFile ?? "",
          environment,
          proxies: config.proxies,
        }),
        credentials: (name) => credentialsFor(name, config, askHelper),
        removeBuilder: (builder) => this.#unremoved.remove(builder, `the builder of ${image}`),
        observer: this.options.metrics?.observed(chaincode, observer) ?? observer,
        output,
      }, abandoned));
    await building.finally(() => this.#audience.end(key));
  }

  async #start(
    request: StartRequest,
    observer: LaunchObserver,
    signal: AbortSignal,
  ): Promise<RunningChaincode> {
    const { chaincode } = request;
    const { docker, traits } = await this.#engine(signal);
    const reachable = reachableAddress(
      request.peerAddress,
      this.options.vm.docker.hostConfig,
      traits,
    );
    const name = containerName(this.options.peer, chaincode.name, chaincode.version);
    const staleRemoved = removeContainer(docker.getContainer(name), signal);
    staleRemoved.catch(() => {}); // The step `create` tells.
    if (!this.#seen.justSaw(this.#imageName(chaincode), hex(chaincode.packageId))) {
      await this.build(chaincode, observer, signal);
    }
    const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(containerStepTimeoutMs)]);
    const step = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
      throwIfAborted(signal);
      observer.step(what, "begin");
      try {
        const result = await work();
        observer.step(what, "end");
        return result;
      } catch (error) {
        observer.step(what, "failed", { error: messageOf(error) });
        throwIfAborted(signal);
        throw error instanceof DenimError ? error : apiError(`${what} container ${name}`, error);
      }
    };
    const container = await step("create", async () => {
      await staleRemoved;
      try {
        return await this.#create(docker, request, name, reachable);
      } catch (error) {
        if (statusOf(error) !== 404) throw error;
        // The image has gone since it was seen.
        await this.build(chaincode, observer, signal);
        return await this.#create(docker, request, name, reachable);
      }
    });
    try {
      throwIfAborted(signal);
      if (request.tls !== undefined) {
        const files = tlsFiles(request.tls, containerTlsPaths);
        // Into a volume only what lies in it; else absolute names, as Fabric uploads them.
        const path = this.#limits(chaincode).volumes === undefined ? "/" : tlsDirectory;
        const archive = writeTar(files.map((file) => ({
          name: path === "/" ? file.path : posix.basename(file.path),
          content: file.content,
        })));
        await step(
          "upload",
          () => container.putArchive(Buffer.from(archive), { path, abortSignal }),
        );
      }
      await step("start", () => container.start({ abortSignal }));
    } catch (error) {
      await this.#unremoved.remove(container, `container ${name}`);
      throw error;
    }
    const running = followContainer(container, name, {
      clock: this.options.clock,
      logger: this.#logger,
      outputLogger: this.options.logger.named(`peer.chaincode.${name}`),
      attachStdout: this.options.vm.docker.attachStdout,
      onLine: (line) => observer.output(line),
      remove: () => this.#unremoved.remove(container, `container ${name}`),
    });
    this.#running.add(running);
    void running.exited.finally(() => this.#running.delete(running));
    return running;
  }

  async check(): Promise<{ ok: true; detail: string } | { ok: false; reason: string }> {
    try {
      await this.healthCheck();
      const { traits, apiVersion, endpoint } = await this.#connect();
      const { peerHost, vm } = this.options;
      const refusal = peerHost !== undefined && isLocal(peerHost)
        ? localPeerRefusal(networkMode(vm.docker.hostConfig), traits)
        : undefined;
      if (refusal !== undefined) throw refusal;
      return { ok: true, detail: `${traits.title} at ${endpoint}, API ${apiVersion}` };
    } catch (error) {
      return { ok: false, reason: messageOf(error) };
    }
  }

  /** For /healthz. @throws DenimError `docker-unreachable` */
  async healthCheck(): Promise<void> {
    const { docker, endpoint } = await this.#connect();
    try {
      const abortSignal = AbortSignal.timeout(pingTimeoutMs);
      await withDeadline(docker.ping({ abortSignal }), pingTimeoutMs + 500, "ping of Docker");
    } catch (error) {
      // It may come back elsewhere, or in another version.
      this.#connection = undefined;
      throw unreachable(endpoint, error);
    }
  }

  /** Does the engine have this image (without pulling it)? */
  async hasImage(name: string): Promise<boolean> {
    const { docker } = await this.#connect();
    return await imageLabels(docker, name) !== undefined;
  }

  async prune(keep: readonly ChaincodeToRun[]): Promise<PrunedItem[]> {
    const { owner, clock } = this.options;
    if (owner === undefined) return [];
    const kept = new Map(
      keep.map((chaincode) => [this.#imageName(chaincode), hex(chaincode.packageId)]),
    );
    const { docker } = await this.#engine();
    return await pruneEngine(docker, {
      ownerLabel: `${label.owner}=${owner}`,
      keeps: (image, labels) => kept.has(image) && kept.get(image) === labels[label.package],
      now: clock.now(),
      logger: this.#logger,
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#builds.close();
    // A few at a time: removals share the engine, and each has a deadline of its own.
    const gate = new Gate(maxParallelRemovals);
    const { signal } = new AbortController();
    const stops = [...this.#running].map((running) => gate.run(signal, () => running.stop()));
    for (const result of await Promise.allSettled(stops)) {
      if (result.status === "fulfilled") continue;
      // An engine that has gone must not keep the peer from ending.
      this.#logger.warn(`a container may be left: ${messageOf(result.reason)}`);
    }
    (await this.#connection?.catch(() => undefined))?.close();
  }

  #connect(): Promise<EngineConnection> {
    // A failure is not kept: the engine may be started later.
    this.#connection ??= connectEngine(this.options.vm, this.options.environment).catch((error) => {
      this.#connection = undefined;
      throw error;
    });
    return this.#connection;
  }

  /** The engine, ready for work. @throws DenimError `aborted` */
  async #engine(signal?: AbortSignal): Promise<EngineConnection> {
    if (this.#closed) throw new DenimError("runtime-closed", "the peer is shutting down");
    const connection = await this.#connect();
    await unlessAborted(this.#unremoved.removeAgain(connection.docker), signal);
    const { owner } = this.options;
    if (owner === undefined) return connection;
    // Not tried again: from now on the label is also that of our own.
    this.#leftovers ??= removeLeftovers(
      connection.docker,
      `${label.owner}=${owner}`,
      this.#logger,
    );
    await unlessAborted(this.#leftovers, signal);
    return connection;
  }

  #imageName(chaincode: ChaincodeToRun): string {
    return imageName(this.options.peer, chaincode.name, chaincode.version);
  }

  /**
   * Is there an image of this package? An image without our label was built by a Fabric peer and
   * counts, as in Fabric; one of another package under the same name is built anew.
   */
  async #isBuilt(
    docker: Dockerode,
    image: string,
    chaincode: ChaincodeToRun,
    signal: AbortSignal,
  ): Promise<boolean> {
    const labels = await imageLabels(docker, image, signal);
    if (labels === undefined) return false;
    const built = labels[label.package];
    return built === undefined || built === hex(chaincode.packageId);
  }

  #create(
    docker: Dockerode,
    request: StartRequest,
    name: string,
    { address, extraHosts }: ReachableAddress,
  ): Promise<DockerodeContainer> {
    const { chaincode } = request;
    const { docker: settings } = this.options.vm;
    const limits = this.#limits(chaincode, extraHosts);
    return docker.createContainer({
      name,
      Image: this.#imageName(chaincode),
      Cmd: platformOf(chaincode.type).command(address),
      Env: launchEnvironment(request, containerTlsPaths).map(([key, value]) => `${key}=${value}`),
      AttachStdout: settings.attachStdout,
      AttachStderr: settings.attachStdout,
      Labels: this.#containerLabels(chaincode),
      HostConfig: limits.hostConfig,
      Volumes: limits.volumes,
      // Not given up halfway: it is removed once it is known.
      abortSignal: AbortSignal.timeout(containerStepTimeoutMs),
    });
  }

  #limits({ type }: ChaincodeToRun, extraHosts: readonly string[] = []) {
    const { hostConfig: settings, hardening } = this.options.vm.docker;
    return limited(hostConfig(settings, extraHosts), hardening, type);
  }

  #containerLabels(chaincode: ChaincodeToRun): Record<string, string> {
    return {
      [label.chaincode]: `${chaincode.name}:${chaincode.version}`,
      ...this.#ownerLabel(),
    };
  }

  #ownerLabel(): Record<string, string> {
    const { owner } = this.options;
    return owner === undefined ? {} : { [label.owner]: owner };
  }
}
