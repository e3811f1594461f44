/** The values of 1.4.2's sampleconfig/configtx.yaml. */
import type { BatchSizeProfile, Policies } from "./profile.ts";

/** What channel, orderer and application groups ask of the groups below them. */
export const implicitMetaPolicies: Policies = {
  Readers: { type: "ImplicitMeta", rule: "ANY Readers" },
  Writers: { type: "ImplicitMeta", rule: "ANY Writers" },
  Admins: { type: "ImplicitMeta", rule: "MAJORITY Admins" },
};

/** Policies of a peer organisation whose members are told apart by NodeOUs. */
export function peerOrganizationPolicies(mspId: string): Policies {
  const any = (...roles: string[]) => roles.map((role) => `'${mspId}.${role}'`).join(", ");
  return {
    Readers: { type: "Signature", rule: `OR(${any("admin", "peer", "client")})` },
    Writers: { type: "Signature", rule: `OR(${any("admin", "client")})` },
    Admins: { type: "Signature", rule: `OR(${any("admin")})` },
  };
}

/** Policies of an ordering organisation. */
export function ordererOrganizationPolicies(mspId: string): Policies {
  return {
    Readers: { type: "Signature", rule: `OR('${mspId}.member')` },
    Writers: { type: "Signature", rule: `OR('${mspId}.member')` },
    Admins: { type: "Signature", rule: `OR('${mspId}.admin')` },
  };
}

/** The newest capabilities that 1.4.2 knows, at each level. */
export const currentCapabilities = {
  channel: ["V1_4_2"],
  orderer: ["V1_4_2"],
  application: ["V1_4_2"],
} as const;

/** Batch settings for production. */
export const sampleBatchSize: BatchSizeProfile = {
  maxMessageCount: 500,
  absoluteMaxBytes: 10 * 1024 * 1024,
  preferredMaxBytes: 2 * 1024 * 1024,
};

export const sampleBatchTimeoutMs = 2_000;
