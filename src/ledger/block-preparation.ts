/**
 * From a block with the flags of validation to everything its commit will write: final flags,
 * updates, private updates. Pure over committed state. Mirrors validator/valimpl.
 */
import { HeaderType } from "../gen/common/common_pb.ts";
import { KVRWSetSchema, KVWriteSchema } from "../gen/ledger/rwset/kvrwset/kv_rwset_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import { create } from "@bufbuild/protobuf";
import { emptyBytes } from "../base/bytes.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import { accepts, type KeyValueCheck } from "./key-validation.ts";
import type { CommittedState } from "./mvcc/committed-state.ts";
import { type MvccResult, validateReadsAndPrepareUpdates } from "./mvcc/mvcc.ts";
import { type DecodedReadWriteSet, decodeReadWriteSet } from "./rwset/decode.ts";
import {
  channelConfigKey,
  configBytesOf,
  configNamespace,
} from "./transaction/config-transaction.ts";
import {
  chaincodeActionOf,
  type DecodedTransaction,
  decodeTransaction,
  indexedTxId,
} from "./transaction/decode.ts";
import type { BlockPrivateData, MissingPrivateData } from "./types.ts";

export interface PreparedTransaction {
  readonly txNumber: number;
  readonly set: DecodedReadWriteSet;
  /** HeaderType; only endorser transactions enter the history. */
  readonly type: number;
}

/** What kind of transaction it is, for those who count. */
export interface TransactionKind {
  /** HeaderType; undefined where it was invalid before it came here. */
  readonly type: number | undefined;
  /** Of an endorser transaction that can be read. */
  readonly chaincodeId: { readonly name: string; readonly version: string } | undefined;
}

export interface PreparedBlock {
  /** Final codes, one per transaction of the block. */
  readonly flags: Uint8Array;
  readonly kinds: readonly TransactionKind[];
  /** Id in the channel header, "" where there is none. */
  readonly txIds: readonly string[];
  /** Id that the transaction is found by. */
  readonly indexedTxIds: readonly string[];
  /** Transactions that were valid before MVCC and have a read-write set. */
  readonly transactions: readonly PreparedTransaction[];
  readonly mvcc: MvccResult;
}

/** What a CONFIG transaction writes, as a read-write set of its own. */
function configSet(transaction: DecodedTransaction): DecodedReadWriteSet {
  const value = configBytesOf(transaction.data);
  const write = create(KVWriteSchema, { key: channelConfigKey, value });
  const kv = create(KVRWSetSchema, { writes: [write] });
  return {
    namespaces: [{ namespace: configNamespace, kv, bytes: emptyBytes, collections: [] }],
  };
}

/** The read-write set of a transaction, or the code that refuses it, or neither (no effect). */
function readWriteSet(
  transaction: DecodedTransaction,
):
  & { chaincodeId?: TransactionKind["chaincodeId"] }
  & ({ set?: DecodedReadWriteSet } | { code: TxValidationCode }) {
  if (transaction.channelHeader.type === HeaderType.CONFIG) return { set: configSet(transaction) };
  if (transaction.channelHeader.type !== HeaderType.ENDORSER_TRANSACTION) return {};
  let chaincodeId: TransactionKind["chaincodeId"];
  try {
    const action = chaincodeActionOf(transaction);
    chaincodeId = action.chaincodeId;
    return { chaincodeId, set: decodeReadWriteSet(action.results) };
  } catch (thrown) {
    const code = thrown instanceof DenimError ? thrown.code : messageOf(thrown);
    if (code === "nil-transaction-action") return { code: TxValidationCode.NIL_TXACTION };
    if (code === "bad-read-write-set") {
      return { chaincodeId, code: TxValidationCode.INVALID_OTHER_REASON };
    }
    throw thrown;
  }
}

function writesAreAccepted(set: DecodedReadWriteSet, check: KeyValueCheck): boolean {
  return set.namespaces.every(({ kv }) =>
    kv.writes.every(({ key, value }) => accepts(check, key, value))
  );
}

const unknownKind: TransactionKind = { type: undefined, chaincodeId: undefined };

/**
 * @param flags from validation, one per transaction
 * @throws DenimError `bad-transaction` where a transaction flagged valid cannot be decoded
 */
export function prepareBlock(
  blockNumber: number,
  envelopes: readonly Uint8Array[],
  flags: Uint8Array,
  state: CommittedState,
  checkKeyValue: KeyValueCheck,
): PreparedBlock {
  const final = Uint8Array.from(flags);
  const transactions: PreparedTransaction[] = [];
  const decoded = envelopes.map(decodeTransaction);
  const kinds = new Array<TransactionKind>(envelopes.length).fill(unknownKind);
  decoded.forEach((transaction, txNumber) => {
    if (final[txNumber] !== TxValidationCode.VALID) return;
    if (transaction === undefined) {
      throw new DenimError(
        "bad-transaction",
        `transaction ${txNumber} of block ${blockNumber} was found valid but cannot be decoded`,
        { blockNumber, txNumber },
      );
    }
    const read = readWriteSet(transaction);
    const { type } = transaction.channelHeader;
    kinds[txNumber] = { type, chaincodeId: read.chaincodeId };
    if ("code" in read) {
      final[txNumber] = read.code;
    } else if (read.set === undefined) {
      return;
    } else if (!writesAreAccepted(read.set, checkKeyValue)) {
      final[txNumber] = TxValidationCode.INVALID_WRITESET;
    } else {
      transactions.push({ txNumber, set: read.set, type });
    }
  });
  const mvcc = validateReadsAndPrepareUpdates(blockNumber, transactions, state);
  transactions.forEach(({ txNumber }, i) => final[txNumber] = mvcc.codes[i]);
  return {
    flags: final,
    kinds,
    txIds: decoded.map((transaction) => transaction?.channelHeader.txId ?? ""),
    indexedTxIds: decoded.map(indexedTxId),
    transactions,
    mvcc,
  };
}

/** Private writes of valid transactions that are not in `held`. */
function missingOf(
  prepared: PreparedBlock,
  holds: (txNumber: number, namespace: string, collection: string) => boolean,
): MissingPrivateData[] {
  const missing: MissingPrivateData[] = [];
  for (const { txNumber, set } of prepared.transactions) {
    if (prepared.flags[txNumber] !== TxValidationCode.VALID) continue;
    for (const { namespace, collections } of set.namespaces) {
      for (const { collection, privateSetHash } of collections) {
        if (privateSetHash.length === 0 || holds(txNumber, namespace, collection)) continue;
        missing.push({ txNumber, namespace, collection, eligible: true });
      }
    }
  }
  return missing;
}

/** What of a block's private data is not there; without a list, all that its writes promise. */
export function missingPrivateWrites(
  prepared: PreparedBlock,
  privateData: BlockPrivateData,
  given: readonly MissingPrivateData[] | undefined,
): readonly MissingPrivateData[] {
  const holds = (txNumber: number, namespace: string, collection: string) =>
    privateData.get(txNumber)?.nsPvtRwset.some((ns) =>
      ns.namespace === namespace &&
      ns.collectionPvtRwset.some(({ collectionName }) => collectionName === collection)
    ) ?? false;
  // Whoever made the list did not know what a rollback has left here.
  return given?.filter((m) => !holds(m.txNumber, m.namespace, m.collection)) ??
    missingOf(prepared, holds);
}
