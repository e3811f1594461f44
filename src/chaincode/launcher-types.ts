/** What the launcher is given, what it is asked for, and what it keeps of what runs. */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type {
  ChaincodeRuntime,
  ChaincodeToRun,
  ExitStatus,
  RunningChaincode,
} from "../runtime/types.ts";
import type { Authenticator } from "./authenticator.ts";
import type { CrashBackoff } from "./crash-backoff.ts";
import type { Handler } from "./handler.ts";
import type { HandlerRegistry } from "./handler-registry.ts";
import type { LaunchHistory } from "./launch-history.ts";
import type { LaunchRecorder } from "./launch-record.ts";

export interface LauncherOptions {
  readonly registry: HandlerRegistry;
  readonly history: LaunchHistory;
  /** Undefined when chaincode TLS is off. */
  readonly authenticator: Authenticator | undefined;
  runtimeFor(chaincode: ChaincodeToRun): ChaincodeRuntime | Promise<ChaincodeRuntime>;
  /** host:port that chaincode dials. */
  readonly peerAddress: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly startupTimeoutMs: number;
  readonly backoff: CrashBackoff;
  readonly clock: Clock;
  readonly logger: Logger;
  /** An instance ended without being told to, before or after it was ready. */
  onCrash?(name: string, version: string): void;
}

/** Why a launch is wanted. */
export interface LaunchWish {
  /** A caller whose signal aborts stops waiting; the launch goes on for the others. */
  readonly signal?: AbortSignal;
  /** The transaction that needs it, for traces. */
  readonly txId?: string;
  /** Somebody asked for it on purpose (instantiate, upgrade, restart): no pause after crashes. */
  readonly deliberate?: boolean;
}

/** What to launch; the package is loaded within the launch, so that its failure reaches every waiter. */
export interface LaunchTarget {
  readonly name: string;
  readonly version: string;
  /** @throws DenimError where the package is missing or damaged */
  load(): ChaincodeToRun;
  /** For an instantiate or upgrade: its definition is not committed yet. */
  readonly forDeployment?: boolean;
}

/** A launched instance that is connected. */
export interface RunningInstance {
  readonly name: string;
  readonly version: string;
  readonly runtime: ChaincodeRuntime["kind"];
  readonly running: RunningChaincode;
  /** As `running.exited`, but never rejects. */
  readonly exited: Promise<ExitStatus>;
  readonly handler: Handler;
  readonly recorder: LaunchRecorder;
  /** When it became ready. */
  readonly readyAt: number;
  readonly forDeployment: boolean;
}
