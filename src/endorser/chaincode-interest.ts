/**
 * What a transaction touches, in the form in which discovery looks for endorsers: chaincodes,
 * collections and the policies of keys. Mirrors buildChaincodeInterest in core/endorser/endorser.go
 * of Fabric 2.5.
 */
import { create } from "@bufbuild/protobuf";
import {
  type SignaturePolicyEnvelope,
  SignaturePolicyEnvelopeSchema,
} from "../gen/common/policies_pb.ts";
import {
  type ChaincodeCall,
  ChaincodeCallSchema,
  type ChaincodeInterest,
  ChaincodeInterestSchema,
} from "../gen/discovery/protocol_pb.ts";
import type { NamespaceSet } from "../ledger/rwset/decode.ts";
import type { QueryExecutor, SimulationResults } from "../ledger/types.ts";
import { tryDecode } from "../protocol/decode.ts";

/** The metadata entry of a key that holds its endorsement policy. */
const validationParameter = "VALIDATION_PARAMETER";

export interface InterestSource {
  readonly namespaces: readonly NamespaceSet[];
  /** Undefined where it is not known: then every collection that was read counts. */
  readonly privateReads: SimulationResults["privateReads"] | undefined;
  /** Committed state, for the policies of keys. */
  readonly state: () => Pick<QueryExecutor, "getStateMetadata" | "getPrivateDataMetadataByHash">;
  readonly isSystemChaincode: (name: string) => boolean;
}

/** Calls in the order of the read-write set, each chaincode's public part before its collections. */
export function chaincodeInterest(source: InterestSource): ChaincodeInterest {
  const chaincodes = source.namespaces
    .filter(({ namespace }) => !source.isSystemChaincode(namespace))
    .flatMap((set) => callsOf(set, source));
  return create(ChaincodeInterestSchema, { chaincodes });
}

/** Which of a chaincode's policies its writes need. */
class Requirements {
  readonly keyPolicies: SignaturePolicyEnvelope[] = [];
  /** Written keys without a policy of their own, and everything where nothing was written. */
  chaincodePolicy = false;
  wrote = false;
  readonly collections = new Set<string>();

  /** @returns whether the key is under a policy of its own */
  add(metadata: ReadonlyMap<string, Uint8Array> | undefined): boolean {
    this.wrote = true;
    const bytes = metadata?.get(validationParameter);
    const policy = bytes && tryDecode(SignaturePolicyEnvelopeSchema, bytes);
    if (policy) this.keyPolicies.push(policy);
    return policy !== undefined;
  }
}

function callsOf(set: NamespaceSet, source: InterestSource): ChaincodeCall[] {
  const { namespace: name } = set;
  const needs = requirementsOf(set, source);
  const calls: ChaincodeCall[] = [];
  if (needs.keyPolicies.length > 0) {
    calls.push(create(ChaincodeCallSchema, {
      name,
      keyPolicies: needs.keyPolicies,
      disregardNamespacePolicy: !needs.chaincodePolicy,
    }));
  } else if (needs.chaincodePolicy) calls.push(create(ChaincodeCallSchema, { name }));
  const read = privateReadsOf(set, source);
  for (const collection of new Set([...needs.collections, ...read])) {
    calls.push(create(ChaincodeCallSchema, {
      name,
      collectionNames: [collection],
      noPrivateReads: !read.has(collection),
    }));
  }
  return calls;
}

function requirementsOf({ namespace, kv, collections }: NamespaceSet, source: InterestSource) {
  const needs = new Requirements();
  for (const key of new Set([...kv.writes, ...kv.metadataWrites].map(({ key }) => key))) {
    if (!needs.add(source.state().getStateMetadata(namespace, key))) needs.chaincodePolicy = true;
  }
  for (const { collection, hashed } of collections) {
    for (const { keyHash } of [...hashed.hashedWrites, ...hashed.metadataWrites]) {
      const metadata = source.state().getPrivateDataMetadataByHash(namespace, collection, keyHash);
      if (!needs.add(metadata)) needs.collections.add(collection);
    }
  }
  if (!needs.wrote) needs.chaincodePolicy = true;
  return needs;
}

function privateReadsOf(
  { namespace, collections }: NamespaceSet,
  { privateReads }: InterestSource,
): ReadonlySet<string> {
  if (privateReads) return privateReads.get(namespace) ?? new Set();
  return new Set(
    collections.filter(({ hashed }) => hashed.hashedReads.length > 0)
      .map(({ collection }) => collection),
  );
}
