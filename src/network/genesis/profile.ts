/** What a channel is to be made of. Mirrors a profile of configtx.yaml. */
import type { MSPConfig } from "../../gen/msp/msp_config_pb.ts";

/** `OR('Org1MSP.admin')` for Signature, `ANY Readers` for ImplicitMeta. */
export interface PolicyDefinition {
  readonly type: "Signature" | "ImplicitMeta";
  readonly rule: string;
}

/** Policies by name. */
export type Policies = Readonly<Record<string, PolicyDefinition>>;

export interface OrganizationProfile {
  /** Name of its group. */
  readonly name: string;
  readonly mspId: string;
  /** For verification: without signing identity (src/msp's loadMspConfig). */
  readonly msp: MSPConfig;
  /** Default: Readers and Writers for any member, Admins for admins. */
  readonly policies?: Policies;
  /** Only in application groups. */
  readonly anchorPeers?: readonly { readonly host: string; readonly port: number }[];
  /** Only in the orderer group: `host:port` of its own orderers. */
  readonly ordererEndpoints?: readonly string[];
}

export interface BatchSizeProfile {
  readonly maxMessageCount: number;
  readonly absoluteMaxBytes: number;
  readonly preferredMaxBytes: number;
}

export interface OrdererProfile {
  /** `solo`, `etcdraft`, `kafka`. */
  readonly type: string;
  /** Of the consensus type; etcdraft's serialized ConfigMetadata. */
  readonly consensusMetadata?: Uint8Array;
  /** `host:port`. */
  readonly addresses: readonly string[];
  readonly batchTimeoutMs: number;
  readonly batchSize: BatchSizeProfile;
  /** 0 = no limit. */
  readonly maxChannels?: number;
  readonly kafkaBrokers?: readonly string[];
  readonly organizations: readonly OrganizationProfile[];
  /** Default: ANY Readers, ANY Writers, MAJORITY Admins. BlockValidation is ANY Writers whatever stands here. */
  readonly policies?: Policies;
  readonly capabilities?: readonly string[];
}

export interface ApplicationProfile {
  readonly organizations: readonly OrganizationProfile[];
  /** Default: ANY Readers, ANY Writers, MAJORITY Admins. */
  readonly policies?: Policies;
  readonly capabilities?: readonly string[];
  /** Resource → policy. */
  readonly acls?: Readonly<Record<string, string>>;
}

/**
 * Orderer + consortiums make a system channel; consortium + application a channel creation;
 * orderer + application a channel without system channel.
 */
export interface Profile {
  /** Default: ANY Readers, ANY Writers, MAJORITY Admins. */
  readonly policies?: Policies;
  readonly capabilities?: readonly string[];
  readonly orderer?: OrdererProfile;
  readonly application?: ApplicationProfile;
  /** Name of the consortium that makes the channel. */
  readonly consortium?: string;
  /** Members by consortium name. */
  readonly consortiums?: Readonly<Record<string, readonly OrganizationProfile[]>>;
}
