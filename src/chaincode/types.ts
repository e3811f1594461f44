/** What the endorser and lscc see of running chaincode. Mirrors core/chaincode/chaincode_support.go. */
import type { ChaincodeDeploymentSpec } from "../gen/peer/chaincode_pb.ts";
import type { ChaincodeInput } from "../gen/peer/chaincode_pb.ts";
import type { ChaincodeEvent } from "../gen/peer/chaincode_event_pb.ts";
import type { Response } from "../gen/peer/proposal_response_pb.ts";
import type { Proposal, SignedProposal } from "../gen/peer/proposal_pb.ts";
import type { HistoryQueryExecutor, TxSimulator } from "../ledger/types.ts";

/** Everything one transaction carries while it is simulated. Mirrors ccprovider.TransactionParams. */
export interface TransactionParams {
  readonly channelId: string;
  readonly txId: string;
  readonly signedProposal: SignedProposal | undefined;
  readonly proposal: Proposal | undefined;
  readonly simulator: TxSimulator | undefined;
  readonly history: HistoryQueryExecutor | undefined;
  /** From ChaincodeProposalPayload.TransientMap. */
  readonly transient: Readonly<Record<string, Uint8Array>>;
  readonly decorations: Readonly<Record<string, Uint8Array>>;
  /** SerializedIdentity of the creator. */
  readonly creator: Uint8Array;
  /** Aborts when the caller has gone or the proposal's deadline passed. */
  readonly signal: AbortSignal | undefined;
}

export interface ExecuteResult {
  readonly response: Response;
  readonly event: ChaincodeEvent | undefined;
}

export interface ChaincodeSupport {
  /** System chaincodes in process, others over their stream; launches what does not run yet. @throws DenimError */
  execute(
    params: TransactionParams,
    name: string,
    version: string,
    input: ChaincodeInput,
  ): Promise<ExecuteResult>;
  /** Launch and INIT of a chaincode that lscc has just deployed or upgraded in this simulation. */
  executeInit(
    params: TransactionParams,
    deployment: ChaincodeDeploymentSpec,
  ): Promise<ExecuteResult>;
  /** Launches `name:version` unless it is running. A caller whose signal aborts stops waiting. @throws DenimError */
  launch(name: string, version: string, signal?: AbortSignal): Promise<void>;
  /** Stops a running instance; no error when there is none. */
  stop(name: string, version: string): Promise<void>;
}

/** ChaincodeData as lscc stores it, with what callers need decoded. Mirrors ccprovider.ChaincodeDefinition. */
export interface ChaincodeDefinition {
  readonly name: string;
  readonly version: string;
  readonly escc: string;
  readonly vscc: string;
  /** Serialized SignaturePolicyEnvelope. */
  readonly policy: Uint8Array;
  /** Package id hash (ChaincodeData.id). */
  readonly id: Uint8Array;
  readonly instantiationPolicy: Uint8Array;
}

/** Where definitions are read from: lscc's namespace under a simulation. */
export interface DefinitionSource {
  /** @throws DenimError `chaincode-not-instantiated` with Fabric's text */
  chaincodeDefinition(
    name: string,
    executor: import("../ledger/types.ts").QueryExecutor,
  ): ChaincodeDefinition;
}

/** What launching a chaincode by its name on a channel needs beyond its definition. */
export interface InstantiatedPackageSource extends DefinitionSource {
  /**
   * The installed package of an instantiated chaincode; it must be the one that was instantiated.
   * @throws DenimError `chaincode-not-instantiated`, `package-not-installed`, `package-mismatch`
   */
  instantiatedPackage(
    name: string,
    executor: import("../ledger/types.ts").QueryExecutor,
  ): InstalledPackage;
}

/** The system chaincodes of this peer. Mirrors core/common/sysccprovider. */
export interface SystemChaincodeRegistry {
  get(name: string): import("../syscc/types.ts").SystemChaincode | undefined;
  isSystemChaincode(name: string): boolean;
  /** A system chaincode that no chaincode may call (cscc). */
  isClosedToChaincodes(name: string): boolean;
}

/** Installed packages on disk, as Fabric keeps them: `<dir>/<name>.<version>`, byte for byte. */
export interface PackageStore {
  /** Stores package bytes (a CDS or a signed package Envelope). @throws `package-exists` */
  install(name: string, version: string, packageBytes: Uint8Array): void;
  /** @throws DenimError `package-not-installed` */
  load(name: string, version: string): InstalledPackage;
  list(): InstalledPackageInfo[];
  has(name: string, version: string): boolean;
}

export interface InstalledPackageInfo {
  readonly name: string;
  readonly version: string;
  readonly path: string;
  /** Fabric's package id: hash of code hash and metadata hash. */
  readonly id: Uint8Array;
}

export interface InstalledPackage extends InstalledPackageInfo {
  /** As stored. */
  readonly packageBytes: Uint8Array;
  readonly deploymentSpec: ChaincodeDeploymentSpec;
  /** CDS bytes as getdepspec returns them. */
  readonly deploymentSpecBytes: Uint8Array;
  readonly codeHash: Uint8Array;
  readonly metadataHash: Uint8Array;
  /** Only of signed packages. */
  readonly instantiationPolicy: Uint8Array | undefined;
  readonly signed: boolean;
}
