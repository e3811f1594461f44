/**
 * State-based endorsement: which policy each written key asks for, and the rule that a transaction
 * which changes a key's policy invalidates later ones of its block that touch the key.
 * Mirrors core/common/validation/statebased. Fabric validates in parallel and waits for results;
 * we go through the block in order, so nothing can wait for a result that never comes.
 */
import { hex, strictText } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { MetaDataKeys } from "../gen/peer/transaction_pb.ts";
import type { QueryExecutor } from "../ledger/types.ts";
import type { PolicyEvaluator, Signers } from "./endorsements.ts";
import type { NamespaceSet } from "./read-write-set.ts";

const validationParameter = MetaDataKeys[MetaDataKeys.VALIDATION_PARAMETER];

/** The ledger's answers that every peer of a channel gives alike; they do not stop validation. */
const deterministicLedgerErrors: ReadonlySet<string> = new Set([
  "collection-config-not-defined",
  "collection-not-defined",
]);

/** A written key: public (`collection` is "") or private by the hash of its name. */
interface LedgerKey {
  readonly namespace: string;
  readonly collection: string;
  readonly key: string | Uint8Array;
}

/** A collection named "" falls together with public keys, as it does in Fabric. */
function keyName({ namespace, collection, key }: LedgerKey): string {
  const name = typeof key === "string" ? key : publicName(key, collection);
  return `${namespace}\u0000${collection}\u0000${name}`;
}

function publicName(keyHash: Uint8Array, collection: string): string {
  if (collection !== "") return hex(keyHash);
  return strictText(keyHash) ?? `\uFFFF${hex(keyHash)}`;
}

function* writtenKeys(set: NamespaceSet): Generator<LedgerKey> {
  const { namespace } = set;
  for (const { key } of set.publicSet.writes) yield { namespace, collection: "", key };
  for (const { key } of set.publicSet.metadataWrites) yield { namespace, collection: "", key };
  for (const { collection, hashed } of set.collections) {
    for (const { keyHash } of hashed.hashedWrites) yield { namespace, collection, key: keyHash };
  }
  for (const { collection, hashed } of set.collections) {
    for (const { keyHash } of hashed.metadataWrites) yield { namespace, collection, key: keyHash };
  }
}

function* changedPolicies(set: NamespaceSet): Generator<LedgerKey> {
  const { namespace } = set;
  for (const { key } of set.publicSet.metadataWrites) yield { namespace, collection: "", key };
  for (const { collection, hashed } of set.collections) {
    for (const { keyHash } of hashed.metadataWrites) yield { namespace, collection, key: keyHash };
  }
}

/** Key-level validation of one block, transactions in order. */
export class KeyLevelValidator {
  /** Keys whose policy an earlier transaction of this block has changed. */
  readonly #changed = new Set<string>();

  constructor(
    private readonly state: QueryExecutor,
    private readonly policies: PolicyEvaluator,
  ) {}

  /**
   * Undefined when every key written in the namespace is endorsed well enough, else why not.
   * @throws DenimError where state could not be read
   */
  validate(
    namespace: string,
    sets: readonly NamespaceSet[],
    chaincodePolicy: Uint8Array,
    signers: Signers,
  ): string | undefined {
    let chaincodePolicyHolds = false;
    let anyPolicyHolds = false;
    for (const set of sets) {
      if (set.namespace !== namespace) continue;
      for (const key of writtenKeys(set)) {
        if (this.#changed.has(keyName(key))) {
          return `validation parameters for key [${describe(key)}] in namespace ` +
            `[${key.namespace}:${key.collection}] have been changed in this block`;
        }
        const keyPolicy = this.#keyPolicy(key);
        if (keyPolicy !== undefined && keyPolicy.length > 0) {
          const failure = this.policies.evaluate(keyPolicy, signers);
          if (failure !== undefined) {
            return `validation of key ${
              describe(key)
            } (coll'${key.collection}':ns'${namespace}') ` +
              `failed: ${failure}`;
          }
          anyPolicyHolds = true;
        } else if (!chaincodePolicyHolds) {
          const failure = this.#chaincodeFailure(namespace, chaincodePolicy, signers);
          if (failure !== undefined) return failure;
          chaincodePolicyHolds = true;
          anyPolicyHolds = true;
        }
      }
    }
    if (anyPolicyHolds) return undefined;
    return this.#chaincodeFailure(namespace, chaincodePolicy, signers);
  }

  /** Records that a transaction which was found valid for these namespaces changes key policies. */
  recordPolicyChanges(sets: readonly NamespaceSet[], isValidFor: (namespace: string) => boolean) {
    for (const set of sets) {
      if (!isValidFor(set.namespace)) continue;
      for (const key of changedPolicies(set)) this.#changed.add(keyName(key));
    }
  }

  #chaincodeFailure(namespace: string, policy: Uint8Array, signers: Signers): string | undefined {
    const failure = this.policies.evaluate(policy, signers);
    return failure === undefined
      ? undefined
      : `validation of endorsement policy for chaincode ${namespace} failed: ${failure}`;
  }

  #keyPolicy({ namespace, collection, key }: LedgerKey): Uint8Array | undefined {
    try {
      const metadata = typeof key === "string"
        ? this.state.getStateMetadata(namespace, key)
        : collection === ""
        ? this.state.getStateMetadata(namespace, publicName(key, collection))
        : this.state.getPrivateDataMetadataByHash(namespace, collection, key);
      return metadata?.get(validationParameter);
    } catch (error) {
      if (error instanceof DenimError && deterministicLedgerErrors.has(error.code)) {
        return undefined;
      }
      throw error;
    }
  }
}

function describe({ key }: LedgerKey): string {
  return typeof key === "string" ? key : hex(key);
}
