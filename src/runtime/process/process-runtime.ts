/**
 * Chaincode as local processes, for development without Docker. The layout of its directory:
 * `builds/<key>` finished builds, kept; `instances/<name>-<random>` one running instance, private;
 * `cache` what builds share. Not a sandbox: chaincode in Go and Java can do what the peer's user can.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { DenimError, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import { launchEnvironment, tlsFiles, type TlsPaths } from "../launch-environment.ts";
import { OutputLog } from "../output.ts";
import { throwIfAborted } from "../single-flight.ts";
import type {
  ChaincodeRuntime,
  ChaincodeToRun,
  LaunchObserver,
  PrunedItem,
  RunningChaincode,
  StartRequest,
} from "../types.ts";
import { defaultProcessLimits, type ProcessLimits } from "./build.ts";
import { Builder } from "./builder.ts";
import { startChild } from "./child.ts";
import { type Environment, runEnvironment } from "./environment.ts";
import { launchGo } from "./go-build.ts";
import { identify, reapLeftovers, writeRecord } from "./leftovers.ts";
import { launchJava } from "./java-build.ts";
import { type JavaScriptEngine, launchNode } from "./node-build.ts";
import { findToolchain, type Toolchain } from "./toolchain.ts";

export interface ProcessRuntimeOptions {
  /**
   * Below the data directory, used by one runtime at a time. Peers in one process may share the
   * runtime: nothing in it belongs to one peer, and they then share builds.
   */
  readonly directory: string;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly engine?: JavaScriptEngine;
  /** A DNS name in the certificate of the peer's chaincode listener; `localhost` when not given. */
  readonly tlsServerName?: string;
  /** Found on PATH when not given. */
  readonly toolchain?: Toolchain;
  /** `chaincode.process` */
  readonly limits?: ProcessLimits;
  /** The peer's environment; only an allow-list of it is passed on. */
  readonly environment?: Environment;
}

export class ProcessRuntime implements ChaincodeRuntime {
  readonly kind = "process";
  readonly #builder: Builder;
  /** With the name of the build it was started from. */
  readonly #running = new Map<RunningChaincode, string>();
  readonly #logger: Logger;
  readonly #environment: Environment;
  readonly #toolchain: Toolchain;
  readonly #engine: JavaScriptEngine;
  #reaped = false;
  #closed = false;

  constructor(private readonly options: ProcessRuntimeOptions) {
    this.#logger = options.logger.named("processruntime");
    this.#environment = options.environment ?? Deno.env.toObject();
    this.#toolchain = options.toolchain ?? findToolchain(this.#environment, Deno.execPath());
    this.#engine = options.engine ?? "auto";
    this.#builder = new Builder({
      directory: options.directory,
      clock: options.clock,
      toolchain: this.#toolchain,
      engine: this.#engine,
      environment: this.#environment,
    });
  }

  async build(
    chaincode: ChaincodeToRun,
    observer: LaunchObserver,
    signal: AbortSignal,
  ): Promise<void> {
    this.#prepare();
    await this.#builder.built(chaincode, observer, signal);
  }

  async start(
    request: StartRequest,
    observer: LaunchObserver,
    signal: AbortSignal,
  ): Promise<RunningChaincode> {
    const { chaincode } = request;
    this.#prepare();
    const directory = await this.#builder.built(chaincode, observer, signal);
    throwIfAborted(signal);
    const instance = this.#createInstance(chaincode);
    try {
      const paths = this.#uploadTls(request, instance);
      observer.step("start", "begin");
      const running = this.#startIn(request, directory, instance, paths, observer);
      observer.step("start", "end", { id: running.id });
      this.#running.set(running, basename(directory));
      void running.exited.finally(() => this.#running.delete(running));
      return running;
    } catch (error) {
      rmSync(instance, { recursive: true, force: true });
      observer.step("start", "failed", { error: messageOf(error) });
      throw error;
    }
  }

  check(): Promise<{ ok: true; detail: string } | { ok: false; reason: string }> {
    const { deno, node, npm, go, java, mvn, gradle } = this.#toolchain;
    const javascript = deno !== undefined && this.#engine !== "node"
      ? `deno (${deno})`
      : node !== undefined
      ? `node (${node}${npm === undefined ? ", no npm" : ""})`
      : undefined;
    if (javascript === undefined && go === undefined && java === undefined) {
      return Promise.resolve({
        ok: false,
        reason: "no deno, node, go or java was found on PATH to run chaincode with",
      });
    }
    const javaBuild = mvn ?? gradle;
    const parts = [
      javascript === undefined ? "no JavaScript runtime" : `JavaScript by ${javascript}`,
      go === undefined ? "no Go toolchain" : `Go by ${go}`,
      java === undefined
        ? "no Java"
        : `Java by ${java}${javaBuild === undefined ? " (no Maven or Gradle)" : ""}`,
    ];
    return Promise.resolve({ ok: true, detail: parts.join(", ") });
  }

  prune(keep: readonly ChaincodeToRun[]): Promise<PrunedItem[]> {
    this.#prepare();
    return Promise.resolve(this.#builder.prune(keep, new Set(this.#running.values())));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#builder.close();
    await Promise.all([...this.#running.keys()].map((running) => running.stop()));
  }

  #createInstance(chaincode: ChaincodeToRun): string {
    const instances = join(this.options.directory, "instances");
    mkdirSync(instances, { recursive: true, mode: 0o700 });
    const name = `${chaincode.name}-${chaincode.version}`.replace(/[^\w.-]/g, "_");
    const instance = mkdtempSync(join(instances, `${name}-`));
    writeRecord(instance, { owner: identify(Deno.pid), chaincode: undefined });
    return instance;
  }

  #uploadTls(request: StartRequest, instance: string): TlsPaths {
    const paths: TlsPaths = {
      clientKey: join(instance, "client.key"),
      clientCertificate: join(instance, "client.crt"),
      rootCertificate: join(instance, "peer.crt"),
    };
    if (request.tls !== undefined) {
      for (const { path, content } of tlsFiles(request.tls, paths)) {
        writeFileSync(path, content, { mode: 0o600 });
      }
    }
    return paths;
  }

  #startIn(
    request: StartRequest,
    directory: string,
    instance: string,
    paths: TlsPaths,
    observer: LaunchObserver,
  ): RunningChaincode {
    const context = { directory, engine: this.#engine, toolchain: this.#toolchain };
    const limits = this.options.limits ?? defaultProcessLimits;
    const places = {
      peerAddress: dialAddress(request.peerAddress),
      instance,
      denoCache: join(this.options.directory, "cache", "deno"),
      tlsServerName: request.tls === undefined
        ? undefined
        : this.options.tlsServerName ?? "localhost",
      limits,
      ...(request.inspect === undefined ? {} : { inspect: request.inspect }),
    };
    const launch = launcherOf(request.chaincode.type)(context, places);
    const { name, version } = request.chaincode;
    const logger = this.options.logger.named(`peer.chaincode.${name}-${version}`);
    const output = new OutputLog(this.options.clock, (line) => {
      logger.debug(line.text);
      observer.output(line);
    });
    const child = startChild({
      ...launch,
      environment: {
        ...runEnvironment(this.#environment),
        HOME: instance,
        TMPDIR: instance,
        ...launch.environment,
        ...Object.fromEntries(launchEnvironment(request, paths)),
      },
      memoryBytes: limits.memoryBytes,
      onLine: (stream, text) => output.add(stream, text),
    });
    writeRecord(instance, { owner: identify(Deno.pid), chaincode: identify(child.pid) });
    const exited = child.exited.then((status) => {
      try {
        rmSync(instance, { recursive: true, force: true });
      } catch (error) {
        this.#logger.warn(`${instance} could not be removed: ${messageOf(error)}`);
      }
      return status;
    });
    return {
      id: `pid ${child.pid}`,
      exited,
      lastOutput: () => output.lines(),
      stop: async () => {
        await child.stop();
        await exited;
      },
    };
  }

  /** Clears away what a killed peer left, once, before the first use. */
  #prepare(): void {
    if (this.#closed) throw new DenimError("runtime-closed", "the peer is shutting down");
    if (this.#reaped) return;
    this.#reaped = true;
    this.#builder.removeUnfinished();
    for (const pid of reapLeftovers(join(this.options.directory, "instances"))) {
      this.#logger.warn(`ended chaincode process ${pid}, left by a peer that was killed`, { pid });
    }
  }
}

/** How chaincode of a type is started; `build` has refused the types that cannot be. */
function launcherOf(type: ChaincodeSpec_Type): typeof launchNode {
  switch (type) {
    case ChaincodeSpec_Type.NODE:
      return launchNode;
    case ChaincodeSpec_Type.JAVA:
      return launchJava;
    default:
      return launchGo;
  }
}

/** A peer that listens on all interfaces is dialled on the loopback one. */
export function dialAddress(peerAddress: string): string {
  return peerAddress.replace(/^(0\.0\.0\.0)?(?=:\d+$)/, "127.0.0.1").replace(
    /^\[::\](?=:\d+$)/,
    "[::1]",
  );
}
