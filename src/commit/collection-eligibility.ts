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
  const known = new Map<string, readonly CollectionConfig[]>();
  return (namespace, collection) => {
    let configs = known.get(namespace);
    if (!configs) {
      configs = collectionsOf(options, namespace);
      known.set(namespace, configs);
    }
    for (const { payload } of configs) {
      if (payload.case !== "staticCollectionConfig" || payload.value.name !== collection) continue;
      const policy = payload.value.memberOrgsPolicy?.payload;
      if (policy?.case !== "signaturePolicy") return false;
      return isMember(options, toBinary(SignaturePolicyEnvelopeSchema, policy.value));
    }
    return undefined;
  };
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
