/** Iterators over state as chaincode sees them; in simulations they note what was read. */
import { create } from "@bufbuild/protobuf";
import {
  QueryReadsSchema,
  type RangeQueryInfo,
  RangeQueryInfoSchema,
} from "../../gen/ledger/rwset/kvrwset/kv_rwset_pb.ts";
import { text } from "../../base/bytes.ts";
import { DenimError } from "../../base/errors.ts";
import { kvRead, type ReadWriteSetBuilder } from "../rwset/builder.ts";
import { RangeReadsCollector } from "../rwset/merkle-summary.ts";
import { splitStateKey } from "../state/state-key.ts";
import type { EntryCursor, StoredEntry } from "../state/state-store.ts";
import type { KeyValue, PagedIterator, ResultsIterator } from "../types.ts";

export function closedError(): DenimError {
  return new DenimError("iterator-closed", "the iterator is closed");
}

function keyOf(entry: StoredEntry): string {
  return text(splitStateKey(entry.stored).key);
}

/** What a range query read, for phantom detection. Mirrors resultsItr of lockbasedtxmgr/helper.go. */
export class RangeQueryRecord {
  readonly #info: RangeQueryInfo;
  readonly #reads: RangeReadsCollector;

  constructor(readonly start: string, readonly end: string, degree: number) {
    this.#info = create(RangeQueryInfoSchema, { startKey: start });
    this.#reads = new RangeReadsCollector(degree);
  }

  /** Each result becomes the end of what was read, since the caller may stop here. */
  note(key: string, entry: StoredEntry): void {
    this.#reads.add(kvRead(key, entry.version));
    this.#info.endKey = key;
  }

  noteEnd(): void {
    this.#info.itrExhausted = true;
    this.#info.endKey = this.end;
  }

  finish(): RangeQueryInfo {
    const finished = this.#reads.finish();
    if ("summary" in finished) {
      this.#info.readsInfo = { case: "readsMerkleHashes", value: finished.summary };
    } else if (finished.reads.length > 0) {
      this.#info.readsInfo = {
        case: "rawReads",
        value: create(QueryReadsSchema, { kvReads: finished.reads }),
      };
    }
    return this.#info;
  }
}

/** Keys of a range in order; `limit` 0 means all. */
export class RangeIterator implements PagedIterator<KeyValue> {
  #returned = 0;
  #closed = false;

  constructor(
    readonly namespace: string,
    readonly cursor: EntryCursor,
    readonly limit: number,
    readonly record: RangeQueryRecord | undefined,
  ) {}

  next(): KeyValue | undefined {
    if (this.#closed) throw closedError();
    const full = this.limit > 0 && this.#returned >= this.limit;
    const entry = full ? undefined : this.cursor.next();
    if (entry === undefined) {
      this.record?.noteEnd();
      return undefined;
    }
    this.#returned++;
    const key = keyOf(entry);
    this.record?.note(key, entry);
    return { namespace: this.namespace, key, value: entry.value };
  }

  /** The key after the last one returned. */
  bookmarkAndClose(): string {
    if (this.#closed) return "";
    const entry = this.cursor.next();
    this.#closed = true;
    return entry === undefined ? "" : keyOf(entry);
  }

  close(): void {
    this.#closed = true;
  }
}

/** Results of a rich query: each is recorded as a read, the query itself is not. */
export class RichQueryIterator implements PagedIterator<KeyValue> {
  #closed = false;

  constructor(
    readonly namespace: string,
    readonly cursor: EntryCursor,
    readonly recorder: ReadWriteSetBuilder | undefined,
    readonly bookmark: () => string,
  ) {}

  next(): KeyValue | undefined {
    if (this.#closed) throw closedError();
    const entry = this.cursor.next();
    if (entry === undefined) return undefined;
    const key = keyOf(entry);
    this.recorder?.addRead(this.namespace, key, entry.version);
    return { namespace: this.namespace, key, value: entry.value };
  }

  bookmarkAndClose(): string {
    if (this.#closed) return "";
    this.#closed = true;
    return this.bookmark();
  }

  close(): void {
    this.#closed = true;
  }
}

/** Results that read an array made before. */
export class ListIterator<T> implements ResultsIterator<T> {
  #index = 0;
  #closed = false;

  constructor(readonly items: readonly T[]) {}

  next(): T | undefined {
    if (this.#closed) throw closedError();
    return this.items[this.#index++];
  }

  close(): void {
    this.#closed = true;
  }
}
