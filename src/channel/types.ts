/** One channel's configuration, decoded and compiled. Mirrors common/channelconfig. */
import type { Config, ConfigEnvelope } from "../gen/common/configtx_pb.ts";
import type { Envelope } from "../gen/common/common_pb.ts";
import type { MspManager } from "../msp/types.ts";
import type { PolicyManager } from "../policy/types.ts";

/** Capabilities of 1.4.2, each also true when a later one is set (as Fabric computes them). */
export interface ApplicationCapabilities {
  readonly v1_1: boolean;
  readonly v1_2: boolean;
  readonly v1_3: boolean;
  readonly v1_4_2: boolean;
  readonly acls: boolean;
  readonly forbidDuplicateTxId: boolean;
  readonly privateChannelData: boolean;
  readonly collectionUpgrade: boolean;
  readonly v1_1Validation: boolean;
  readonly v1_2Validation: boolean;
  readonly v1_3Validation: boolean;
  readonly keyLevelEndorsement: boolean;
  readonly storePvtDataOfInvalidTx: boolean;
  readonly fabToken: boolean;
}

export interface ApplicationOrg {
  /** Group name in the configuration. */
  readonly name: string;
  readonly mspId: string;
  readonly anchorPeers: readonly { host: string; port: number }[];
}

export interface OrdererSettings {
  readonly consensusType: string;
  readonly consensusState: number;
  readonly maxMessageCount: number;
  readonly absoluteMaxBytes: number;
  readonly preferredMaxBytes: number;
  /** Milliseconds. */
  readonly batchTimeoutMs: number;
  readonly maxChannels: number;
  readonly orgMspIds: readonly string[];
}

/** `host:port` of an orderer, and the organisations of which one must have issued its TLS certificate. */
export interface OrdererEndpoint {
  readonly address: string;
  readonly mspIds: readonly string[];
}

/** An immutable view of a channel's configuration at one sequence. Mirrors channelconfig.Bundle. */
export interface Bundle {
  readonly channelId: string;
  readonly config: Config;
  readonly sequence: number;
  readonly mspManager: MspManager;
  readonly policyManager: PolicyManager;
  readonly capabilities: ApplicationCapabilities;
  /** Channel-level V1_4_2 / V1_4_3 … capability switches. */
  readonly channelCapabilities: {
    readonly v1_4_2: boolean;
    readonly v1_4_3: boolean;
    readonly orgSpecificOrdererEndpoints: boolean;
  };
  /** Capability names the peer does not know, as Fabric reports them; a peer stops at such a block. */
  readonly unsupportedCapabilities: readonly string[];
  readonly applicationOrgs: readonly ApplicationOrg[];
  readonly orderer: OrdererSettings | undefined;
  /** The organisations' own orderers where the capability allows and any has one, else the channel's. */
  readonly ordererEndpoints: readonly OrdererEndpoint[];
  /** Their addresses, each once. */
  readonly ordererAddresses: readonly string[];
  /** ACL overrides of the Application group: resource → policy reference. */
  readonly acls: ReadonlyMap<string, string>;
}

/** Validates and applies configuration updates. Mirrors common/configtx/validator.go. */
export interface ConfigTxValidator {
  readonly channelId: string;
  readonly sequence: number;
  readonly config: Config;
  /** Applies a CONFIG_UPDATE envelope. @throws DenimError with Fabric's reason */
  proposeConfigUpdate(update: Envelope): ConfigEnvelope;
  /** Is this configuration reachable from the current one by its own last_update? @throws DenimError */
  validate(configEnvelope: ConfigEnvelope): void;
}

/** The channel configuration in force; replaced as config blocks commit. */
export interface ChannelConfigSource {
  /** The bundle in force now. */
  bundle(): Bundle;
}

/** Access control for a resource on a channel. Mirrors core/aclmgmt. */
export interface AclProvider {
  /**
   * @param resource Fabric's resource name (`lscc/GetInstantiatedChaincodes`, `peer/Propose`, …)
   * @param channelId empty for channelless resources
   * @throws DenimError `access-denied` with Fabric's text
   */
  check(
    resource: string,
    channelId: string,
    signed: import("../policy/types.ts").SignedData,
  ): void;
}

/** Knows callers whose signature was verified already, too. */
export interface IdentityAclProvider extends AclProvider {
  /**
   * `check` for an identity of the channel's configuration in force.
   * @throws DenimError `access-denied` with Fabric's text
   */
  checkIdentity(
    resource: string,
    channelId: string,
    identity: import("../msp/types.ts").Identity,
  ): void;
}
