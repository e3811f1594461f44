/**
 * Executes chaincode: in process, or over the stream of an instance that is launched when it does
 * not run yet. Mirrors core/chaincode/chaincode_support.go.
 */
import { randomUUID } from "node:crypto";
import { sleep } from "../base/async.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { AclProvider, Bundle } from "../channel/types.ts";
import {
  type ChaincodeDeploymentSpec,
  type ChaincodeInput,
  ChaincodeInputSchema,
  type ChaincodeSpec_Type,
} from "../gen/peer/chaincode_pb.ts";
import {
  type ChaincodeMessage,
  ChaincodeMessage_Type as Type,
  type ChaincodeSupport as ChaincodeSupportService,
} from "../gen/peer/chaincode_shim_pb.ts";
import type { PeerLedger } from "../ledger/types.ts";
import type { ServiceHandlers } from "../rpc/types.ts";
import type { ChaincodeRuntime, ChaincodeToRun } from "../runtime/types.ts";
import { Attachments } from "./attachments.ts";
import { Authenticator, type ClientCertificateIssuer } from "./authenticator.ts";
import type { ChaincodeHost, ConnectedChaincode } from "./chaincode-host.ts";
import { instanceName, parseChaincodeName } from "./chaincode-name.ts";
import type { SignaturePolicyCompiler } from "./collection-access.ts";
import type { ChaincodeSupportConfig } from "./chaincode-support-config.ts";
import { CrashBackoff } from "./crash-backoff.ts";
import { executionResult } from "./execution-result.ts";
import type { Execution, Handler } from "./handler.ts";
import { HandlerRegistry } from "./handler-registry.ts";
import { withRemedy } from "./launch-failure.ts";
import { LaunchArchive } from "./launch-archive.ts";
import { LaunchHistory } from "./launch-history.ts";
import type { LaunchRecord, LaunchStepObserver } from "./launch-record.ts";
import { Launcher } from "./launcher.ts";
import type { ChaincodeMetrics } from "./metrics.ts";
import { registerService, type RegisterServiceOptions, serveDialled } from "./register-service.ts";
import type { ShimServices } from "./shim-call.ts";
import { executeSystemChaincode } from "./system-execution.ts";
import type {
  ExecuteResult,
  InstalledPackage,
  InstantiatedPackageSource,
  PackageStore,
  SystemChaincodeRegistry,
  TransactionParams,
} from "./types.ts";
import { wrapError } from "./wrap-error.ts";
import { encodeWire } from "../protocol/wire-encoder.ts";

export interface ChaincodeSupportOptions {
  readonly config: ChaincodeSupportConfig;
  readonly systemChaincodes: SystemChaincodeRegistry;
  readonly packages: PackageStore;
  readonly definitions: InstantiatedPackageSource;
  readonly acl: AclProvider;
  /** Issues the client certificates; used only with `tlsEnabled`. */
  readonly certificateAuthority: ClientCertificateIssuer;
  /** Where a chaincode runs. @throws DenimError when nothing can run it */
  runtimeFor(chaincode: ChaincodeToRun): ChaincodeRuntime | Promise<ChaincodeRuntime>;
  ledger(channelId: string): PeerLedger | undefined;
  bundle(channelId: string): Bundle | undefined;
  signaturePolicy: SignaturePolicyCompiler;
  /** Where launches and their output are kept over restarts; undefined = in memory only. */
  readonly launchDirectory?: string;
  /** Told of every step of every launch. */
  readonly onLaunchStep?: LaunchStepObserver;
  /** An instance ended without being told to; `pauseMs` is the time until it may be launched again. */
  readonly onCrash?: (name: string, version: string, pauseMs: number) => void;
  /** Default: nothing is counted. */
  readonly metrics?: ChaincodeMetrics;
  readonly clock?: Clock;
  readonly logger: Logger;
}

/** Installed instantiation policies remembered, so that not every call between chaincodes reads a package. */
const maxRememberedPolicies = 200;

/** How long an instance that is no longer wanted may go on with its transactions. */
export const maxDrainMs = 10_000;
/** How often an instance that is no longer wanted is asked whether it is idle. */
const drainPollMs = 20;

export function createChaincodeSupport(options: ChaincodeSupportOptions): ChaincodeHost {
  return new StreamChaincodeSupport(options);
}

class StreamChaincodeSupport implements ChaincodeHost {
  readonly service: ServiceHandlers<typeof ChaincodeSupportService>;
  readonly serveDialled: ChaincodeHost["serveDialled"];
  readonly attachments: Attachments;
  readonly #options: ChaincodeSupportOptions;
  readonly #registry: HandlerRegistry;
  readonly launches: LaunchHistory;
  readonly #closing = new AbortController();
  readonly #launcher: Launcher;
  readonly #installedPolicies = new Map<string, Uint8Array | undefined>();

  constructor(options: ChaincodeSupportOptions) {
    const { config, certificateAuthority } = options;
    const clock = options.clock ?? systemClock;
    const logger = options.logger.named("chaincode");
    this.#options = options;
    this.#registry = new HandlerRegistry(config.userRunsChaincode);
    const archive = options.launchDirectory === undefined
      ? undefined
      : new LaunchArchive(options.launchDirectory, logger);
    this.launches = new LaunchHistory(clock, options.onLaunchStep, archive);
    const authenticator = config.tlsEnabled
      ? new Authenticator(certificateAuthority, clock)
      : undefined;
    const backoff = new CrashBackoff(clock);
    this.#launcher = new Launcher({
      registry: this.#registry,
      history: this.launches,
      authenticator,
      runtimeFor: (chaincode) => options.runtimeFor(chaincode),
      peerAddress: config.peerAddress,
      environment: config.environment,
      startupTimeoutMs: config.startupTimeoutMs,
      backoff,
      clock,
      logger,
      onCrash: (name, version) =>
        options.onCrash?.(name, version, backoff.pauseMs(instanceName(name, version))),
    });
    const streams: RegisterServiceOptions = {
      registry: this.#registry,
      services: this.#shimServices(),
      authenticator,
      keepaliveMs: config.keepaliveMs,
      metrics: options.metrics,
      logger,
      onClosed: (handler) => this.#launcher.streamClosed(handler),
    };
    this.service = registerService(streams);
    this.serveDialled = (instance, messages) => serveDialled(instance, messages, streams);
    this.attachments = new Attachments({
      registry: this.#registry,
      authenticator,
      address: config.peerAddress,
      stop: (instance) => {
        const { name, version } = parseChaincodeName(instance);
        return this.stop(name, version);
      },
    });
  }

  execute(
    params: TransactionParams,
    name: string,
    version: string,
    input: ChaincodeInput,
  ): Promise<ExecuteResult> {
    const execution = this.#invoke(params, name, version, input, false);
    return executionResult(params.txId, name, execution);
  }

  async executeInit(
    params: TransactionParams,
    deployment: ChaincodeDeploymentSpec,
  ): Promise<ExecuteResult> {
    const spec = deployment.chaincodeSpec;
    if (spec?.chaincodeId === undefined || spec.input === undefined) {
      throw new DenimError(
        "malformed-message",
        "chaincode deployment spec without chaincode id or input",
      );
    }
    const { name, version, path } = spec.chaincodeId;
    // The definition is not committed yet, so type and path come from the deployment itself.
    const load = () => toRun(this.#options.packages.load(name, version), { type: spec.type, path });
    const target = { name, version, load, forDeployment: true };
    const handler = await this.#launch(target, {
      signal: params.signal,
      txId: params.txId,
      deliberate: true,
    });
    const recorder = this.launches.latest(name, version);
    const execution = () => this.#executeOn(handler, Type.INIT, params, spec.input);
    const last = recorder === undefined ? execution() : recorder.step("init", execution);
    return await executionResult(params.txId, name, last);
  }

  async launch(name: string, version: string, signal?: AbortSignal): Promise<void> {
    const load = () => toRun(this.#options.packages.load(name, version));
    await this.#launch({ name, version, load }, { signal });
  }

  async restart(
    name: string,
    version: string,
    signal?: AbortSignal,
  ): Promise<LaunchRecord | undefined> {
    await this.stop(name, version);
    const load = () => toRun(this.#options.packages.load(name, version));
    await this.#launch({ name, version, load }, { signal, deliberate: true });
    return this.launches.latest(name, version)?.snapshot();
  }

  async retire(name: string, version: string): Promise<void> {
    const handler = this.#registry.handler(instanceName(name, version));
    const { signal } = this.#closing;
    for (let waitedMs = 0; waitedMs < maxDrainMs && !signal.aborted; waitedMs += drainPollMs) {
      if (handler === undefined || handler.activeTransactions === 0) break;
      await sleep(drainPollMs, signal);
    }
    await this.stop(name, version);
  }

  async stop(name: string, version: string): Promise<void> {
    await this.#launcher.stop(name, version);
    this.#registry.handler(instanceName(name, version))?.close();
  }

  connected(): ConnectedChaincode[] {
    const launched = new Map(
      this.#launcher.instances().map((i) => [instanceName(i.name, i.version), i]),
    );
    return this.#registry.entries().map(([instance, handler]) => ({
      instance,
      name: parseChaincodeName(instance).name,
      version: parseChaincodeName(instance).version,
      launch: launched.get(instance)?.recorder.number,
      forDeployment: launched.get(instance)?.forDeployment ?? false,
      runtime: launched.get(instance)?.runtime,
      instanceId: launched.get(instance)?.running.id,
      activeTransactions: handler.activeTransactions,
    }));
  }

  launchRecords(name?: string): LaunchRecord[] {
    return this.launches.records(name);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#launcher.close();
    for (const [, handler] of this.#registry.entries()) handler.close();
    this.launches.close();
  }

  /** Launches what is not connected, and measures that. */
  #launch(...[target, wish]: Parameters<Launcher["launch"]>): Promise<Handler> {
    const instance = instanceName(target.name, target.version);
    const connected = this.#registry.handler(instance) !== undefined;
    const launching = this.#launcher.launch(target, wish);
    return connected ? launching : this.#options.metrics?.launch(instance, launching) ?? launching;
  }

  async #invoke(
    params: TransactionParams,
    name: string,
    version: string,
    input: ChaincodeInput,
    viaChaincode: boolean,
  ): Promise<ChaincodeMessage> {
    const system = this.#options.systemChaincodes.get(name);
    if (system !== undefined) {
      const { executeTimeoutMs } = this.#options.config;
      return await executeSystemChaincode(system, params, input, viaChaincode, executeTimeoutMs);
    }
    const handler = await this.#handlerFor(params, name, version);
    return await this.#executeOn(handler, Type.TRANSACTION, params, input);
  }

  /** The connected handler, or a launch of the package that is instantiated on the channel. */
  async #handlerFor(params: TransactionParams, name: string, version: string): Promise<Handler> {
    const instance = instanceName(name, version);
    const connected = this.#registry.handler(instance);
    if (connected !== undefined) return connected;
    const installed = this.#instantiatedPackage(params, name, instance);
    if (installed.version !== version) {
      throw new DenimError(
        "chaincode-version-mismatch",
        `[channel ${params.channelId}] could not launch chaincode ${instance}: version ${installed.version} is instantiated`,
        { name, version, instantiated: installed.version },
      );
    }
    try {
      const load = () => toRun(installed);
      const { signal, txId } = params;
      return await this.#launch({ name, version, load }, { signal, txId });
    } catch (error) {
      throw wrapError(
        `[channel ${params.channelId}] could not launch chaincode ${instance}`,
        error,
      );
    }
  }

  #instantiatedPackage(
    { channelId, simulator }: TransactionParams,
    name: string,
    instance: string,
  ): InstalledPackage {
    try {
      if (simulator === undefined) {
        throw new DenimError("chaincode-not-instantiated", `chaincode ${name} not found`, { name });
      }
      return this.#options.definitions.instantiatedPackage(name, simulator);
    } catch (error) {
      if (this.#options.config.userRunsChaincode) {
        this.#options.logger.named("chaincode").error(
          "You are attempting to perform an action other than Deploy on Chaincode that is not " +
            "ready and you are in developer mode. Did you forget to Deploy your chaincode?",
          { instance },
        );
      }
      throw wrapError(
        `[channel ${channelId}] failed to get chaincode container info for ${instance}`,
        error,
      );
    }
  }

  async #executeOn(
    handler: Handler,
    type: Execution["type"],
    params: TransactionParams,
    input: ChaincodeInput | undefined,
  ): Promise<ChaincodeMessage> {
    const bytes = encodeWire(ChaincodeInputSchema, {
      $typeName: "protos.ChaincodeInput",
      args: input?.args ?? [],
      decorations: params.decorations,
    });
    const timeoutMs = this.#options.config.executeTimeoutMs;
    try {
      return await handler.execute({ type, params, input: bytes, timeoutMs });
    } catch (error) {
      if (error instanceof DenimError && error.code === "chaincode-stream-terminated") {
        const report = await this.#launcher.exitReport(handler);
        throw withRemedy(
          new DenimError(
            error.code,
            `error sending: ${messageOf(error)}${report}`,
            error.facts,
            "The chaincode ended while it was executing; its last output says why.",
          ),
        );
      }
      throw wrapError("error sending", error);
    }
  }

  #shimServices(): ShimServices {
    const { config, acl, definitions, systemChaincodes } = this.#options;
    return {
      totalQueryLimit: config.totalQueryLimit,
      acl,
      definitions,
      systemChaincodes,
      newQueryId: () => randomUUID(),
      bundle: (channelId) => this.#options.bundle(channelId),
      ledger: (channelId) => this.#options.ledger(channelId),
      signaturePolicy: (channelId, policy) => this.#options.signaturePolicy(channelId, policy),
      installedInstantiationPolicy: (name, version) => this.#installedPolicy(name, version),
      invoke: (params, name, version, input) => this.#invoke(params, name, version, input, true),
    };
  }

  /** Installed packages never change, so what was read once holds. */
  #installedPolicy(name: string, version: string): Uint8Array | undefined {
    const instance = instanceName(name, version);
    if (this.#installedPolicies.has(instance)) return this.#installedPolicies.get(instance);
    const { instantiationPolicy } = this.#options.packages.load(name, version);
    if (this.#installedPolicies.size >= maxRememberedPolicies) this.#installedPolicies.clear();
    this.#installedPolicies.set(instance, instantiationPolicy);
    return instantiationPolicy;
  }
}

function toRun(
  installed: InstalledPackage,
  deployed?: { readonly type: ChaincodeSpec_Type; readonly path: string },
): ChaincodeToRun {
  const { name, version, deploymentSpec, id } = installed;
  const spec = deploymentSpec.chaincodeSpec;
  return {
    name,
    version,
    type: deployed?.type ?? spec?.type ?? 0,
    path: deployed?.path ?? spec?.chaincodeId?.path ?? "",
    codePackage: deploymentSpec.codePackage,
    packageId: id,
  };
}
