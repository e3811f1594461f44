/** Capabilities by name. Mirrors common/capabilities. */
import { type MspVersion, mspVersionOf } from "../msp/version.ts";
import type { ApplicationCapabilities } from "./types.ts";

/** Channel-level switches. */
export interface ChannelCapabilities {
  readonly v1_4_2: boolean;
  readonly v1_4_3: boolean;
  readonly mspVersion: MspVersion;
  readonly consensusTypeMigration: boolean;
  readonly orgSpecificOrdererEndpoints: boolean;
}

/** Switches of the ordering service. */
export interface OrdererCapabilities {
  readonly predictableChannelTemplate: boolean;
  readonly resubmission: boolean;
  readonly expirationCheck: boolean;
  readonly consensusTypeMigration: boolean;
}

/** `V1_4_3` came with 1.4.3; it only adds admins and orderers told by their organizational unit. */
const knownChannel = new Set(["V1_1", "V1_3", "V1_4_2", "V1_4_3"]);
const knownOrderer = new Set(["V1_1", "V1_4_2"]);
const knownApplication = new Set([
  "V1_1",
  "V1_2",
  "V1_3",
  "V1_4_2",
  "V1_1_PVTDATA_EXPERIMENTAL",
  "V1_1_RESOURCETREE_EXPERIMENTAL",
]);

/** What the names in `/Channel/Application` Capabilities switch on. */
export function applicationCapabilities(names: ReadonlySet<string>): ApplicationCapabilities {
  const v1_4_2 = names.has("V1_4_2");
  const v1_3 = v1_4_2 || names.has("V1_3");
  const v1_2 = v1_3 || names.has("V1_2");
  const v1_1 = v1_2 || names.has("V1_1");
  return {
    v1_1,
    v1_2,
    v1_3,
    v1_4_2,
    acls: v1_2,
    forbidDuplicateTxId: v1_1,
    privateChannelData: v1_2 || names.has("V1_1_PVTDATA_EXPERIMENTAL"),
    collectionUpgrade: v1_2,
    v1_1Validation: v1_1,
    v1_2Validation: v1_2,
    v1_3Validation: v1_3,
    keyLevelEndorsement: v1_3,
    storePvtDataOfInvalidTx: v1_4_2,
    fabToken: false,
  };
}

/** What the names in `/Channel` Capabilities switch on. */
export function channelCapabilities(names: ReadonlySet<string>): ChannelCapabilities {
  const v1_4_3 = names.has("V1_4_3");
  const v1_4_2 = v1_4_3 || names.has("V1_4_2");
  return {
    v1_4_2,
    v1_4_3,
    mspVersion: mspVersionOf({
      v1_1: names.has("V1_1"),
      v1_3: names.has("V1_3"),
      v1_4_2,
      v1_4_3,
    }),
    consensusTypeMigration: v1_4_2,
    orgSpecificOrdererEndpoints: v1_4_2,
  };
}

/** What the names in `/Channel/Orderer` Capabilities switch on. */
export function ordererCapabilities(names: ReadonlySet<string>): OrdererCapabilities {
  const v1_4_2 = names.has("V1_4_2");
  const v1_1 = v1_4_2 || names.has("V1_1");
  return {
    predictableChannelTemplate: v1_1,
    resubmission: v1_1,
    expirationCheck: v1_1,
    consensusTypeMigration: v1_4_2,
  };
}

/** Fabric's sentence for every capability that is required but unknown, sorted by name. */
export function unsupportedCapabilities(
  type: "Channel" | "Application" | "Orderer",
  names: ReadonlySet<string>,
): string[] {
  const known = { Channel: knownChannel, Application: knownApplication, Orderer: knownOrderer };
  return [...names]
    .filter((name) => !known[type].has(name))
    .sort()
    .map((name) => `${type} capability ${name} is required but not supported`);
}
