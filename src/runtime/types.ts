/** Where a chaincode runs. One interface over Docker, local processes, external processes and services. */
import type { ChaincodeSpec_Type } from "../gen/peer/chaincode_pb.ts";

/** What has to be started. */
export interface ChaincodeToRun {
  readonly name: string;
  readonly version: string;
  readonly type: ChaincodeSpec_Type;
  /** ChaincodeSpec.chaincode_id.path of the package. */
  readonly path: string;
  /** CDS code_package: gzip tar. */
  readonly codePackage: Uint8Array;
  /** Hash of the package (InstalledPackage.id): equal packages share a build. */
  readonly packageId: Uint8Array;
}

/** TLS material for one chaincode instance; undefined when chaincode TLS is off. All PEM. */
export interface ChaincodeTls {
  readonly clientKey: string;
  readonly clientCertificate: string;
  readonly rootCertificate: string;
}

/** How the chaincode reaches the peer. Mirrors core/chaincode/container_runtime.go LaunchConfig. */
export interface StartRequest {
  readonly chaincode: ChaincodeToRun;
  /** host:port the chaincode dials; each runtime may adapt the host (`host.docker.internal`, gateway address). */
  readonly peerAddress: string;
  readonly tls: ChaincodeTls | undefined;
  /** Additional environment, e.g. CORE_CHAINCODE_LOGGING_LEVEL. */
  readonly environment: Readonly<Record<string, string>>;
  /** `host:port` where a debugger can attach to JavaScript or Java as a process; nothing else takes notice. */
  readonly inspect?: string;
}

/** One line of chaincode (or build) output. */
export interface OutputLine {
  readonly at: number;
  readonly stream: "stdout" | "stderr" | "build";
  readonly text: string;
}

export interface ExitStatus {
  /** Undefined when killed by a signal or not known. */
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** What it means and what to do, for people (137 = killed, usually out of memory). */
  readonly meaning: string;
}

/** A started instance. */
export interface RunningChaincode {
  /** Container id or pid, for people. */
  readonly id: string;
  /** Settles when the instance has ended, however it ended. */
  readonly exited: Promise<ExitStatus>;
  /** The last lines of output, oldest first. */
  lastOutput(): readonly OutputLine[];
  /** Ends it and removes what it left; safe to call twice. */
  stop(): Promise<void>;
}

/** Progress of a launch step: `build`, `image`, `create`, `upload`, `start`. */
export interface LaunchObserver {
  step(name: string, state: "begin" | "end" | "failed", facts?: Record<string, unknown>): void;
  output(line: OutputLine): void;
}

/** One thing that was removed because nothing uses it. */
export interface PrunedItem {
  readonly kind: "build" | "image" | "container" | "output";
  readonly name: string;
  readonly bytes: number;
}

export interface ChaincodeRuntime {
  readonly kind: "docker" | "process" | "external" | "service";
  /** Builds what is needed (image, directory) or finds it built. @throws DenimError `build-failed` with the build's last lines */
  build(chaincode: ChaincodeToRun, observer: LaunchObserver, signal: AbortSignal): Promise<void>;
  /** Starts one instance; `build` need not have been called. @throws DenimError */
  start(
    request: StartRequest,
    observer: LaunchObserver,
    signal: AbortSignal,
  ): Promise<RunningChaincode>;
  /** Is the runtime usable now? Gives the reason where not. */
  check(): Promise<{ ok: true; detail: string } | { ok: false; reason: string }>;
  /**
   * Removes what it made for chaincode that is not in `keep`, and remains that nothing uses. What
   * belongs to others stays. @throws DenimError
   */
  prune?(keep: readonly ChaincodeToRun[]): Promise<PrunedItem[]>;
  /** Stops everything it started. */
  close(): Promise<void>;
}
