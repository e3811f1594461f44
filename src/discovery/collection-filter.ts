/** Who belongs to the collections of an interest. Mirrors discovery/endorsement/collection.go. */
import { DenimError, messageOf } from "../base/errors.ts";
import {
  type CollectionConfig,
  CollectionConfigPackageSchema,
} from "../gen/common/collection_pb.ts";
import type { ChaincodeCall } from "../gen/discovery/protocol_pb.ts";
import type { MSPPrincipal } from "../gen/msp/msp_principal_pb.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";
import type { ChaincodeMetadata } from "./chaincode-metadata.ts";

/**
 * For each collection that the call names: the principals of which a peer must be one.
 * @throws DenimError `bad-collections`, `unknown-collection` with Fabric's text
 */
export function collectionPrincipals(
  metadata: ChaincodeMetadata,
  call: ChaincodeCall,
): (readonly MSPPrincipal[])[] {
  if (call.collectionNames.length === 0) return [];
  const byName = principalsByCollection(metadata.collections);
  return [...new Set(call.collectionNames)].map((collection) => {
    const principals = byName.get(collection);
    if (principals !== undefined) return principals;
    throw new DenimError(
      "unknown-collection",
      `collection ${collection} doesn't exist in collection config for chaincode ${call.name}`,
      { chaincode: call.name, collection },
    );
  });
}

function principalsByCollection(bytes: Uint8Array): Map<string, readonly MSPPrincipal[]> {
  let configs: readonly CollectionConfig[];
  try {
    configs = decodeAsGo(CollectionConfigPackageSchema, bytes).config;
  } catch (error) {
    throw badCollections(`invalid collection bytes: ${messageOf(error)}`);
  }
  const byName = new Map<string, readonly MSPPrincipal[]>();
  for (const { payload } of configs) {
    if (payload.case !== "staticCollectionConfig") {
      throw badCollections("expected a static collection but got something else instead");
    }
    const { name, memberOrgsPolicy } = payload.value;
    if (memberOrgsPolicy === undefined) throw badCollections(`MemberOrgsPolicy of ${name} is nil`);
    const policy = memberOrgsPolicy.payload;
    if (policy.case !== "signaturePolicy") throw badCollections(`policy of ${name} is nil`);
    byName.set(name, policy.value.identities);
  }
  return byName;
}

function badCollections(message: string): DenimError {
  return new DenimError("bad-collections", message);
}
