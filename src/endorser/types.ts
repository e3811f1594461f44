/** What the endorser needs of the peer around it, and what it tells about its work. */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { IdentityAclProvider } from "../channel/types.ts";
import type { ChaincodeSupport, DefinitionSource, InstalledPackage } from "../chaincode/types.ts";
import type { IdentityDeserializer, SigningIdentity } from "../msp/types.ts";
import type { ChannelAccess } from "../syscc/types.ts";
import type { PrivateDataDistributor } from "./private-data.ts";

export interface EndorserDependencies {
  /** Signs endorsements. */
  readonly signer: SigningIdentity;
  /** Judges the creators of proposals that address no channel. */
  readonly localMsp: IdentityDeserializer;
  readonly channels: ChannelAccess;
  readonly acl: IdentityAclProvider;
  readonly chaincode: ChaincodeSupport;
  readonly definitions: DefinitionSource;
  readonly packages: { load(name: string, version: string): InstalledPackage };
  readonly systemChaincodes: {
    isSystemChaincode(name: string): boolean;
    isClosedToProposals(name: string): boolean;
  };
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: the channel's transient store. */
  readonly distributePrivateData?: PrivateDataDistributor;
  /** Are history queries answered (`ledger.history.enableHistoryDatabase`)? Default true. */
  readonly historyEnabled?: boolean;
  /**
   * The version under which system chaincodes are endorsed. Peers of one network must agree on it,
   * or their endorsements of deployments differ. Default: that of Fabric's 1.4.2 release.
   */
  readonly systemChaincodeVersion?: string;
  /** Hears how each proposal ended. */
  readonly onProposal?: (outcome: ProposalOutcome) => void;
  /** Default: nothing is counted. */
  readonly metrics?: ProposalMetrics;
}

export const defaultSystemChaincodeVersion = "1.4.2";

/** How a proposal ended; the names are those of Fabric's endorser metrics. */
export type ProposalEnd =
  | "successful"
  | "not-invokable"
  | "validation-failure"
  | "acl-failure"
  | "duplicate-transaction"
  | "simulation-failure"
  | "initialization-failure"
  | "endorsement-failure";

export interface ProposalOutcome {
  readonly end: ProposalEnd;
  /** "" where the proposal could not be read or addresses no channel. */
  readonly channelId: string;
  /** `name:version`; the version that ran where it came to an endorsement, else the proposal's word. */
  readonly chaincode: string;
  /** `name:version` that lscc has deployed, but that could not be initialized. */
  readonly deployed?: string;
  readonly durationMs: number;
  /** The chaincode itself answered with an error status. */
  readonly chaincodeError: boolean;
}

/** Told of every proposal. */
export interface ProposalMetrics {
  /** A proposal has come in; the function takes how it ended. */
  received(): (outcome: ProposalOutcome) => void;
}
