/**
 * Executes chaincode: in process, or over the stream of an instance that is launched when it does
 * not run yet. Mirrors core/chaincode/chaincode_support.go.
 */
import { randomUUID } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
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
import { Authenticator, type ClientCertificateIssuer } from "./authenticator.ts";
import { instanceName } from "./chaincode-name.ts";
import type { SignaturePolicyCompiler } from "./collection-access.ts";
import { executionResult } from "./execution-result.ts";
import type { Execution, Handler } from "./handler.ts";
import { HandlerRegistry } from "./handler-registry.ts";
import { LaunchHistory, type LaunchRecord, type LaunchStepObserver } from "./launch-record.ts";
import { Launcher } from "./launcher.ts";
import { registerService } from "./register-service.ts";
import type { ShimServices } from "./shim-call.ts";
import { executeSystemChaincode } from "./system-execution.ts";
import type {
  ChaincodeSupport,
  ExecuteResult,
  InstalledPackage,
  InstantiatedPackageSource,
  PackageStore,
  SystemChaincodeRegistry,
  TransactionParams,
} from "./types.ts";
import { wrapError } from "./wrap-error.ts";

export interface ChaincodeSupportConfig {
  /** `chaincode.startuptimeout`: from launch to READY. */
  readonly startupTimeoutMs: number;
  /** `chaincode.executetimeout`: one execution, nested ones included. */
  readonly executeTimeoutMs: number;
  /** `chaincode.keepalive`; 0 = off. */
  readonly keepaliveMs: number;
  /** `ledger.state.totalQueryLimit`: rows one query may return. */
  readonly totalQueryLimit: number;
  /** host:port that chaincode dials. */
  readonly peerAddress: string;
  /** `peer.tls.enabled`: chaincode must show the certificate it was issued. */
  readonly tlsEnabled: boolean;
  /** `chaincode.mode: dev`: the user starts chaincode, which may register without a launch. */
  readonly userRunsChaincode: boolean;
  /** Common environment of chaincode: CORE_CHAINCODE_LOGGING_LEVEL, …_SHIM, …_FORMAT. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Fabric's defaults (sampleconfig/core.yaml). */
export const defaultChaincodeSupportConfig = {
  startupTimeoutMs: 300_000,
  executeTimeoutMs: 30_000,
  keepaliveMs: 0,
  totalQueryLimit: 100_000,
  tlsEnabled: true,
  userRunsChaincode: false,
  environment: {},
} as const;

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
  /** Told of every step of every launch. */
  readonly onLaunchStep?: LaunchStepObserver;
  readonly clock?: Clock;
  readonly logger: Logger;
}

/** A connected instance, for `chaincode ps`. */
export interface ConnectedChaincode {
  readonly instance: string;
  /** Undefined for chaincode that the user started. */
  readonly runtime: ChaincodeRuntime["kind"] | undefined;
  readonly instanceId: string | undefined;
  readonly activeTransactions: number;
}

/** ChaincodeSupport with what the composition root and operations need beside it. */
export interface ChaincodeHost extends ChaincodeSupport {
  /** For `RpcServer.register(ChaincodeSupport, …)` of the chaincode listener. */
  readonly service: ServiceHandlers<typeof ChaincodeSupportService>;
  connected(): ConnectedChaincode[];
  /** The last launches, oldest first. */
  launchRecords(name?: string): LaunchRecord[];
  /** Stops every instance this peer launched and ends every stream. */
  close(): Promise<void>;
}

/** Installed instantiation policies remembered, so that not every call between chaincodes reads a package. */
const maxRememberedPolicies = 200;

export function createChaincodeSupport(options: ChaincodeSupportOptions): ChaincodeHost {
  return new StreamChaincodeSupport(options);
}

class StreamChaincodeSupport implements ChaincodeHost {
  readonly service: ServiceHandlers<typeof ChaincodeSupportService>;
  readonly #options: ChaincodeSupportOptions;
  readonly #registry: HandlerRegistry;
  readonly #history: LaunchHistory;
  readonly #launcher: Launcher;
  readonly #installedPolicies = new Map<string, Uint8Array | undefined>();

  constructor(options: ChaincodeSupportOptions) {
    const { config, certificateAuthority } = options;
    const clock = options.clock ?? systemClock;
    const logger = options.logger.named("chaincode");
    this.#options = options;
    this.#registry = new HandlerRegistry(config.userRunsChaincode);
    this.#history = new LaunchHistory(clock, options.onLaunchStep);
    const authenticator = config.tlsEnabled
      ? new Authenticator(certificateAuthority, clock)
      : undefined;
    this.#launcher = new Launcher({
      registry: this.#registry,
      history: this.#history,
      authenticator,
      runtimeFor: (chaincode) => options.runtimeFor(chaincode),
      peerAddress: config.peerAddress,
      environment: config.environment,
      startupTimeoutMs: config.startupTimeoutMs,
      logger,
    });
    this.service = registerService({
      registry: this.#registry,
      services: this.#shimServices(),
      authenticator,
      keepaliveMs: config.keepaliveMs,
      logger,
      onClosed: (handler) => this.#launcher.streamClosed(handler),
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
    const handler = await this.#launcher.launch({ name, version, load }, params.signal);
    const recorder = this.#history.latest(name, version);
    const execution = () => this.#executeOn(handler, Type.INIT, params, spec.input);
    const last = recorder === undefined ? execution() : recorder.step("init", execution);
    return await executionResult(params.txId, name, last);
  }

  async launch(name: string, version: string, signal?: AbortSignal): Promise<void> {
    const load = () => toRun(this.#options.packages.load(name, version));
    await this.#launcher.launch({ name, version, load }, signal);
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
      runtime: launched.get(instance)?.runtime,
      instanceId: launched.get(instance)?.running.id,
      activeTransactions: handler.activeTransactions,
    }));
  }

  launchRecords(name?: string): LaunchRecord[] {
    return this.#history.records(name);
  }

  async close(): Promise<void> {
    await this.#launcher.close();
    for (const [, handler] of this.#registry.entries()) handler.close();
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
      return await this.#launcher.launch({ name, version, load }, params.signal);
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
    const bytes = toBinary(
      ChaincodeInputSchema,
      create(ChaincodeInputSchema, { args: input?.args ?? [], decorations: params.decorations }),
    );
    const timeoutMs = this.#options.config.executeTimeoutMs;
    try {
      return await handler.execute({ type, params, input: bytes, timeoutMs });
    } catch (error) {
      if (error instanceof DenimError && error.code === "chaincode-stream-terminated") {
        const report = await this.#launcher.exitReport(handler);
        throw new DenimError(
          error.code,
          `error sending: ${messageOf(error)}${report}`,
          error.facts,
          "The chaincode ended while it was executing; its last output says why.",
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
