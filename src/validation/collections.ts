/**
 * Rules for the collections of a deploy or upgrade. Mirrors the collection checks of
 * core/handlers/validation/builtin/v13/lscc_validation_logic.go (v12's are the same).
 */
import type { CollectionConfig, StaticCollectionConfig } from "../gen/common/collection_pb.ts";
import type { SignaturePolicy } from "../gen/common/policies_pb.ts";

const collectionNamePattern = "[A-Za-z0-9_-]+";
const collectionName = new RegExp(`^${collectionNamePattern}$`);

/** The key in lscc's namespace that holds a chaincode's collections. */
export function collectionKey(chaincode: string): string {
  return `${chaincode}~collection`;
}

function staticConfig(config: CollectionConfig): StaticCollectionConfig | undefined {
  return config.payload.case === "staticCollectionConfig" ? config.payload.value : undefined;
}

const unknownType = "unknown collection configuration type";

/** What is wrong with a new set of collections, or undefined. */
export function checkNewCollections(configs: readonly CollectionConfig[]): string | undefined {
  const names = new Set<string>();
  for (const config of configs) {
    const collection = staticConfig(config);
    if (!collection) return unknownType;
    const { name, maximumPeerCount, requiredPeerCount } = collection;
    if (name === "") return "empty collection-name is not allowed";
    if (!collectionName.test(name)) {
      return `collection-name: ${name} not allowed. A valid collection name follows the ` +
        `pattern: ${collectionNamePattern}`;
    }
    if (names.has(name)) {
      return `collection-name: ${name} -- found duplicate collection configuration`;
    }
    names.add(name);
    if (maximumPeerCount < requiredPeerCount) {
      return `collection-name: ${name} -- maximum peer count (${maximumPeerCount}) cannot be ` +
        `greater than the required peer count (${requiredPeerCount})`;
    }
    if (requiredPeerCount < 0) {
      return `collection-name: ${name} -- requiredPeerCount (${maximumPeerCount}) cannot be ` +
        `less than zero (${requiredPeerCount})`;
    }
    // Fabric 1.4.2 crashes where the policy is missing.
    const policy = collection.memberOrgsPolicy?.payload;
    if (policy?.case !== "signaturePolicy") {
      return `collection-name: ${name} -- collection member policy is not set`;
    }
    const notOr = checkOnlyOr(policy.value.rule);
    if (notOr) return `collection-name: ${name} -- error in member org policy: ${notOr}`;
  }
  return undefined;
}

/** A member policy may only consist of ORs. */
function checkOnlyOr(rule: SignaturePolicy | undefined): string | undefined {
  if (rule?.Type.case !== "nOutOf") return undefined;
  const { n, rules } = rule.Type.value;
  if (n !== 1) return `signature policy is not an OR concatenation, NOutOf ${n}`;
  for (const inner of rules) {
    const problem = checkOnlyOr(inner);
    if (problem) return problem;
  }
  return undefined;
}

/** An upgrade keeps every collection and its BlockToLive. Undefined, or what is wrong. */
export function checkAgainstOldCollections(
  configs: readonly CollectionConfig[],
  oldConfigs: readonly CollectionConfig[],
): string | undefined {
  const current = new Map<string, StaticCollectionConfig>();
  for (const config of configs) {
    const collection = staticConfig(config);
    if (collection) current.set(collection.name, collection);
  }
  const old = oldConfigs.map(staticConfig);
  if (old.includes(undefined)) return unknownType;
  const missing: string[] = [];
  const modified: string[] = [];
  for (const collection of old) {
    if (!collection) continue;
    const successor = current.get(collection.name);
    if (!successor) missing.push(collection.name);
    else if (successor.blockToLive !== collection.blockToLive) modified.push(collection.name);
  }
  if (missing.length > 0) {
    return "the following existing collections are missing in the new collection configuration " +
      `package: [${missing.join(" ")}]`;
  }
  if (modified.length > 0) {
    return "the BlockToLive in the following existing collections must not be modified: " +
      `[${modified.join(" ")}]`;
  }
  return undefined;
}
