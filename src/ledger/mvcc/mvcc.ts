/**
 * Multi-version concurrency control: which transactions of a block read what is still true, and
 * what the valid ones change. Pure over a view of committed state. Mirrors
 * validator/statebasedval/state_based_validator.go.
 */
import { TxValidationCode } from "../../gen/peer/transaction_pb.ts";
import { type DecodedReadWriteSet, type NamespaceSet, versionOf } from "../rwset/decode.ts";
import { hashText } from "../state/state-key.ts";
import { sameVersion } from "../version.ts";
import type { CommittedState } from "./committed-state.ts";
import { rangeQueryHolds } from "./range-validation.ts";
import { applyWriteSet } from "./transaction-operations.ts";
import { CollectionUpdates, PublicUpdates } from "./update-batch.ts";

export interface MvccTransaction {
  /** Position in the block. */
  readonly txNumber: number;
  readonly set: DecodedReadWriteSet;
}

export interface MvccResult {
  /** One code for each transaction given. */
  readonly codes: readonly TxValidationCode[];
  readonly publicUpdates: PublicUpdates;
  readonly hashedUpdates: CollectionUpdates;
}

function publicReadsHold(
  { namespace, kv }: NamespaceSet,
  updates: PublicUpdates,
  state: CommittedState,
): boolean {
  return kv.reads.every((read) =>
    updates.get(namespace, read.key) === undefined &&
    sameVersion(state.header(namespace, read.key)?.version, versionOf(read.version))
  );
}

function hashedReadsHold(
  { namespace, collections }: NamespaceSet,
  updates: CollectionUpdates,
  state: CommittedState,
): boolean {
  return collections.every(({ collection, hashed }) =>
    hashed.hashedReads.every((read) =>
      updates.get(namespace, collection, hashText(read.keyHash)) === undefined &&
      sameVersion(
        state.hashedHeader(namespace, collection, read.keyHash)?.version,
        versionOf(read.version),
      )
    )
  );
}

/** Reads against committed state and the updates of earlier valid transactions of the block. */
export function checkReads(
  set: DecodedReadWriteSet,
  publicUpdates: PublicUpdates,
  hashedUpdates: CollectionUpdates,
  state: CommittedState,
): TxValidationCode {
  for (const ns of set.namespaces) {
    if (!publicReadsHold(ns, publicUpdates, state)) return TxValidationCode.MVCC_READ_CONFLICT;
    for (const query of ns.kv.rangeQueriesInfo) {
      if (!rangeQueryHolds(state, publicUpdates, ns.namespace, query)) {
        return TxValidationCode.PHANTOM_READ_CONFLICT;
      }
    }
    if (!hashedReadsHold(ns, hashedUpdates, state)) return TxValidationCode.MVCC_READ_CONFLICT;
  }
  return TxValidationCode.VALID;
}

/** Checks the transactions in order; each sees what the valid ones before it change. */
export function validateReadsAndPrepareUpdates(
  blockNumber: number,
  transactions: readonly MvccTransaction[],
  state: CommittedState,
): MvccResult {
  const publicUpdates = new PublicUpdates();
  const hashedUpdates = new CollectionUpdates();
  const codes = transactions.map(({ txNumber, set }) => {
    const code = checkReads(set, publicUpdates, hashedUpdates, state);
    if (code === TxValidationCode.VALID) {
      applyWriteSet(set, { blockNumber, txNumber }, publicUpdates, hashedUpdates, state);
    }
    return code;
  });
  return { codes, publicUpdates, hashedUpdates };
}
