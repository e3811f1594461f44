/**
 * May the creator of a transaction read a private data collection? Mirrors hasReadAccess of
 * core/chaincode/handler.go and core/common/privdata/store.go.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { DenimError } from "../base/errors.ts";
import {
  CollectionConfigPackageSchema,
  type StaticCollectionConfig,
} from "../gen/common/collection_pb.ts";
import type { SignaturePolicyEnvelope } from "../gen/common/policies_pb.ts";
import type { QueryExecutor } from "../ledger/types.ts";
import type { Policy } from "../policy/types.ts";
import type { TransactionContext } from "./transaction-context.ts";
import { signedDataOf } from "./signed-data.ts";
import { wrapError } from "./wrap-error.ts";

/** Compiles a signature policy over the identities of a channel. @throws DenimError when it is malformed */
export type SignaturePolicyCompiler = (
  channelId: string,
  policy: SignaturePolicyEnvelope,
) => Policy;

/** The lscc key that holds a chaincode's collections. */
export function collectionsKey(chaincodeName: string): string {
  return `${chaincodeName}~collection`;
}

/**
 * Passes where the collection exists and is open to the creator; a pass is remembered for the rest
 * of this execution. The look-up goes through the simulator, so it is part of the read set.
 *
 * @throws DenimError `collection-access-denied`, `collection-not-found` and others with Fabric's text
 */
export function requireReadAccess(
  context: TransactionContext,
  chaincodeName: string,
  collection: string,
  executor: QueryExecutor,
  compile: SignaturePolicyCompiler,
): void {
  if (context.readableCollections.has(collection)) return;
  const { channelId } = context.params;
  const config = collectionConfig(channelId, chaincodeName, collection, executor);
  if (!hasReadAccess(context, config, compile)) {
    throw new DenimError(
      "collection-access-denied",
      "tx creator does not have read access permission on privatedata in " +
        `chaincodeName:${chaincodeName} collectionName: ${collection}`,
      { channelId, chaincodeName, collection },
    );
  }
  context.readableCollections.add(collection);
}

function hasReadAccess(
  context: TransactionContext,
  config: StaticCollectionConfig,
  compile: SignaturePolicyCompiler,
): boolean {
  const { params } = context;
  const member = config.memberOrgsPolicy?.payload;
  const setup = "error setting up collection for collection criteria " +
    `${params.channelId}/${config.name}`;
  if (member === undefined) {
    throw new DenimError("bad-collection", `${setup}: Collection config policy is nil`);
  }
  if (member.case !== "signaturePolicy") {
    throw new DenimError("bad-collection", `${setup}: Collection config access policy is nil`);
  }
  if (!config.memberOnlyRead) return true;

  let policy: Policy;
  try {
    policy = compile(params.channelId, member.value);
  } catch (error) {
    throw wrapError(
      `${setup}: failed constructing policy object out of collection policy config`,
      error,
    );
  }
  try {
    policy.evaluate([signedDataOf(params)]);
    return true;
  } catch {
    // The reason (bad signature, other organisation) is not the chaincode's to know.
    return false;
  }
}

function collectionConfig(
  channelId: string,
  chaincodeName: string,
  collection: string,
  executor: QueryExecutor,
): StaticCollectionConfig {
  const criteria = `${channelId}/${chaincodeName}/${collection}`;
  const notFound = () =>
    new DenimError("collection-not-found", `collection ${criteria} could not be found`, {
      channelId,
      chaincodeName,
      collection,
    });
  const bytes = executor.getState("lscc", collectionsKey(chaincodeName));
  if (bytes === undefined) throw notFound();
  let configs;
  try {
    configs = fromBinary(CollectionConfigPackageSchema, bytes).config;
  } catch (error) {
    throw wrapError(`invalid configuration for collection criteria ${criteria}`, error);
  }
  for (const { payload } of configs) {
    if (payload.case !== "staticCollectionConfig") {
      throw new DenimError("bad-collection", "unexpected collection type");
    }
    if (payload.value.name === collection) return payload.value;
  }
  throw notFound();
}
