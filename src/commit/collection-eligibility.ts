/**
 * Whether this peer's organisation is a member of a collection, from the definitions in lscc's
 * state. Mirrors core/common/privdata (RetrieveCollectionAccessPolicy, AccessFilter).
 */
import { toBinary } from "@bufbuild/protobuf";
import { DenimError } from "../base/errors.ts";
import type { ChannelConfigSource } from "../channel/types.ts";
import {
  type CollectionConfig,
  CollectionConfigPackageSchema,
} from "../gen/common/collection_pb.ts";
import { SignaturePolicyEnvelopeSchema } from "../gen/common/policies_pb.ts";
import type { IdentityDeserializer } from "../msp/types.ts";
import type { PeerLedger } from "../ledger/types.ts";
import type { Policy } from "../policy/types.ts";
import { tryDecodeAsGo } from "../protocol/go-wire.ts";
import type { CollectionEligibility } from "./private-data.ts";

export interface CollectionEligibilityOptions {
  readonly bundleSource: ChannelConfigSource;
  readonly ledger: Pick<PeerLedger, "newQueryExecutor">;
  readonly compilePolicy: (policy: Uint8Array, deserializer: IdentityDeserializer) => Policy;
  /** SerializedIdentity of this peer. */
  readonly self: Uint8Array;
}

/** Answers for the state and configuration at the time it is called; make one per block. */
export function createCollectionEligibility(
  options: CollectionEligibilityOptions,
): CollectionEligibility {
  const known = new Map<string, ReadonlyMap<string, boolean>>();
  return (namespace, collection) => {
    let memberships = known.get(namespace);
    if (!memberships) {
      memberships = membershipsIn(options, namespace);
      known.set(namespace, memberships);
    }
    return memberships.get(collection);
  };
}

/** The collections of a chaincode, and whether this peer may hold each. */
function membershipsIn(
  options: CollectionEligibilityOptions,
  namespace: string,
): ReadonlyMap<string, boolean> {
  const memberships = new Map<string, boolean>();
  for (const { payload } of collectionsOf(options, namespace)) {
    if (payload.case !== "staticCollectionConfig") continue;
    const { name, memberOrgsPolicy } = payload.value;
    const policy = memberOrgsPolicy?.payload;
    const isHolder = policy?.case === "signaturePolicy" &&
      isMember(options, toBinary(SignaturePolicyEnvelopeSchema, policy.value));
    if (!memberships.has(name)) memberships.set(name, isHolder);
  }
  return memberships;
}

function collectionsOf(
  { ledger }: CollectionEligibilityOptions,
  namespace: string,
): readonly CollectionConfig[] {
  const state = ledger.newQueryExecutor();
  try {
    const bytes = state.getState("lscc", `${namespace}~collection`);
    return (bytes && tryDecodeAsGo(CollectionConfigPackageSchema, bytes)?.config) ?? [];
  } finally {
    state.done();
  }
}

function isMember(options: CollectionEligibilityOptions, policyBytes: Uint8Array): boolean {
  const { mspManager } = options.bundleSource.bundle();
  try {
    const self = mspManager.deserializeIdentity(options.self);
    options.compilePolicy(policyBytes, mspManager).evaluateIdentities([self]);
    return true;
  } catch (error) {
    if (error instanceof DenimError) return false;
    throw error;
  }
}
