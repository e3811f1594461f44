/**
 * A chaincode's stub straight over a simulation, without a stream between: does what the Go shim and
 * the peer's handler do with each call, so that read-write sets come out the same.
 */
import { createHash } from "node:crypto";
import { text, utf8 } from "../../src/base/bytes.ts";
import { messageOf } from "../../src/base/errors.ts";
import {
  createCompositeKey,
  emptyKeySubstitute,
  partialCompositeRange,
} from "../../src/ledger/composite-key.ts";
import { validationParameterEntry } from "../../src/ledger/metadata/entries.ts";
import type {
  HistoryQueryExecutor,
  KeyValue,
  ResultsIterator,
  TxSimulator,
} from "../../src/ledger/types.ts";
import type {
  Bytes,
  TwinIterator,
  TwinKeyValue,
  TwinModification,
  TwinResponse,
  TwinStub,
} from "./asset-twin.ts";

/** Results that the handler sends at once; it reads one more to know whether more follow. */
const resultsPerMessage = 100;
const totalQueryLimit = 10_000;
const nothing = new Uint8Array(0);

export interface SimulatedTransaction {
  channelId: string;
  txId: string;
  creator: Bytes;
  nonce: Bytes;
  timestamp: { seconds: bigint; nanos: number };
  transient: ReadonlyMap<string, Bytes>;
  simulator: TxSimulator;
  history: HistoryQueryExecutor;
  /** Chaincodes that can be called, by name. */
  chaincodes: ReadonlyMap<string, (stub: TwinStub) => Promise<TwinResponse>>;
}

/** Reads ahead as the handler does: in batches, each with the first result of the next. */
class BatchIterator<T, R> implements TwinIterator<R> {
  #batch: T[] = [];
  #pending: T | undefined;
  #more = true;
  #total = 0;

  constructor(readonly results: ResultsIterator<T>, readonly convert: (item: T) => R) {
    this.#fill();
  }

  next(): R | undefined {
    const item = this.#batch.shift();
    if (item === undefined) return undefined;
    if (this.#batch.length === 0 && this.#more) this.#fill();
    return this.convert(item);
  }

  close(): void {
    this.results.close();
  }

  #fill(): void {
    if (this.#pending !== undefined) this.#batch.push(this.#pending);
    this.#pending = undefined;
    while (this.#total < totalQueryLimit) {
      const item = this.results.next();
      if (item === undefined) break;
      this.#total++;
      if (this.#batch.length === resultsPerMessage) {
        this.#pending = item;
        return;
      }
      this.#batch.push(item);
    }
    this.#more = false;
  }
}

const keyValue = ({ key, value }: KeyValue): TwinKeyValue => ({ key, value });

function checkSimple(...keys: string[]): void {
  for (const key of keys) {
    if (key.startsWith("\0")) {
      throw new Error(
        `first character of the key [${key}] contains a null character which is not allowed`,
      );
    }
  }
}

export class SimulatedStub implements TwinStub {
  event: { name: string; payload: Bytes } | undefined;
  readonly channelId: string;
  readonly txId: string;
  readonly creator: Bytes;
  readonly timestamp: { seconds: bigint; nanos: number };
  readonly transient: ReadonlyMap<string, Bytes>;

  constructor(
    readonly transaction: SimulatedTransaction,
    readonly namespace: string,
    readonly args: readonly Bytes[],
  ) {
    this.channelId = transaction.channelId;
    this.txId = transaction.txId;
    this.creator = transaction.creator;
    this.timestamp = transaction.timestamp;
    this.transient = transaction.transient;
  }

  /** SHA-256 of nonce, creator and epoch (0). */
  get binding(): Bytes {
    const hash = createHash("sha256").update(this.transaction.nonce).update(this.creator);
    return new Uint8Array(hash.update(new Uint8Array(8)).digest());
  }

  getState(key: string): Bytes {
    return this.#ask("GET_STATE", (s) => s.getState(this.namespace, key) ?? nothing);
  }

  putState(key: string, value: Bytes): void {
    if (key === "") throw new Error("key must not be an empty string");
    this.#ask("PUT_STATE", (s) => s.setState(this.namespace, key, value));
  }

  deleteState(key: string): void {
    this.#ask("DEL_STATE", (s) => s.deleteState(this.namespace, key));
  }

  createCompositeKey(objectType: string, attributes: string[]): string {
    return createCompositeKey(objectType, attributes);
  }

  getStateByRange(start: string, end: string): TwinIterator<TwinKeyValue> {
    const from = start === "" ? emptyKeySubstitute : start;
    checkSimple(from, end);
    return this.#range(from, end);
  }

  getStateByRangeWithPagination(start: string, end: string, pageSize: number, bookmark: string) {
    const from = start === "" ? emptyKeySubstitute : start;
    checkSimple(from, end);
    return this.#ask("GET_STATE_BY_RANGE", (s) => {
      const limit = pageSize > 0 && pageSize < totalQueryLimit ? pageSize : totalQueryLimit;
      const begin = bookmark === "" ? from : bookmark;
      const results = s.getStateRangePaged(this.namespace, begin, end, limit);
      const items: TwinKeyValue[] = [];
      while (items.length < limit) {
        const item = results.next();
        if (item === undefined) break;
        items.push(keyValue(item));
      }
      const fetched = items.length;
      const next = results.bookmarkAndClose();
      const iterator = { next: () => items.shift(), close: () => {} };
      return { iterator, fetched, bookmark: next };
    });
  }

  getStateByPartialCompositeKey(objectType: string, attributes: string[]) {
    const { start, end } = partialCompositeRange(objectType, attributes);
    return this.#range(start, end);
  }

  getQueryResult(query: string): TwinIterator<TwinKeyValue> {
    return this.#ask(
      "GET_QUERY_RESULT",
      (s) => new BatchIterator(s.executeQuery(this.namespace, query), keyValue),
    );
  }

  getHistoryForKey(key: string): TwinIterator<TwinModification> {
    const results = this.transaction.history.getHistoryForKey(this.namespace, key);
    return new BatchIterator(results, ({ txId, value, timestamp, isDelete }) => ({
      txId,
      value,
      seconds: timestamp?.seconds ?? 0n,
      nanos: timestamp?.nanos ?? 0,
      isDelete,
    }));
  }

  setEvent(name: string, payload: Bytes): void {
    if (name === "") throw new Error("event name can not be nil string");
    this.event = { name, payload };
  }

  async invokeChaincode(name: string, args: Bytes[], channel: string): Promise<TwinResponse> {
    const chaincode = this.transaction.chaincodes.get(name);
    const known = (channel === "" || channel === this.channelId) &&
      this.transaction.simulator.getState("lscc", name) !== undefined;
    if (!known || chaincode === undefined) {
      const reason = `could not find chaincode with name '${name}'`;
      return { status: 500, message: "", payload: utf8(reason) };
    }
    return await chaincode(new SimulatedStub(this.transaction, name, args));
  }

  putPrivateData(collection: string, key: string, value: Bytes): void {
    if (key === "") throw new Error("key must not be an empty string");
    this.#ask("PUT_STATE", (s) => s.setPrivateData(this.namespace, collection, key, value));
  }

  getPrivateData(collection: string, key: string): Bytes {
    return this.#ask(
      "GET_STATE",
      (s) => s.getPrivateData(this.namespace, collection, key) ?? nothing,
    );
  }

  deletePrivateData(collection: string, key: string): void {
    this.#ask("DEL_STATE", (s) => s.deletePrivateData(this.namespace, collection, key));
  }

  getPrivateDataByRange(collection: string, start: string, end: string) {
    const from = start === "" ? emptyKeySubstitute : start;
    checkSimple(from, end);
    return this.#ask("GET_STATE_BY_RANGE", (s) =>
      new BatchIterator(
        s.getPrivateDataRange(this.namespace, collection, from, end),
        keyValue,
      ));
  }

  getPrivateDataHash(collection: string, key: string): Bytes {
    return this.#ask(
      "GET_PRIVATE_DATA_HASH",
      (s) => s.getPrivateDataHash(this.namespace, collection, key) ?? nothing,
    );
  }

  setStateValidationParameter(key: string, policy: Bytes): void {
    const metadata = new Map([[validationParameterEntry, policy]]);
    this.#ask("PUT_STATE_METADATA", (s) => s.setStateMetadata(this.namespace, key, metadata));
  }

  getStateValidationParameter(key: string): Bytes {
    return this.#ask(
      "GET_STATE_METADATA",
      (s) => s.getStateMetadata(this.namespace, key)?.get(validationParameterEntry) ?? nothing,
    );
  }

  setPrivateDataValidationParameter(collection: string, key: string, policy: Bytes): void {
    const metadata = new Map([[validationParameterEntry, policy]]);
    this.#ask(
      "PUT_STATE_METADATA",
      (s) => s.setPrivateDataMetadata(this.namespace, collection, key, metadata),
    );
  }

  #range(start: string, end: string): TwinIterator<TwinKeyValue> {
    return this.#ask(
      "GET_STATE_BY_RANGE",
      (s) => new BatchIterator(s.getStateRange(this.namespace, start, end), keyValue),
    );
  }

  /** A failed request reaches the chaincode with its kind and transaction id in front. */
  #ask<T>(kind: string, request: (simulator: TxSimulator) => T): T {
    try {
      return request(this.transaction.simulator);
    } catch (thrown) {
      throw new Error(`${kind} failed: transaction ID: ${this.txId}: ${messageOf(thrown)}`, {
        cause: thrown,
      });
    }
  }
}

/** Arguments as the recording lists them. */
export function recordedArguments(args: readonly string[] | null): Bytes[] {
  return (args ?? []).map(utf8);
}

/** For messages in tests. */
export function shown(bytes: Bytes): string {
  return text(bytes);
}
