/**
 * Reads under one snapshot. With a recorder it is the reading half of a simulation. Mirrors
 * lockbasedtxmgr/helper.go and lockbased_query_executer.go.
 */
import { DenimError } from "../../base/errors.ts";
import { decodeMetadataEntries } from "../metadata/entries.ts";
import { privateKeyHash, type ReadWriteSetBuilder } from "../rwset/builder.ts";
import { hashedStateKey, privateNamespace, stateKey } from "../state/state-key.ts";
import { stateRangeCursor, type VersionedValue } from "../state/state-store.ts";
import type { Snapshot } from "../storage/snapshot-pool.ts";
import type { KeyValue, PagedIterator, QueryExecutor, ResultsIterator } from "../types.ts";
import { sameVersion, versionText } from "../version.ts";
import { CollectionNames } from "./collection-names.ts";
import { RangeIterator, RangeQueryRecord, RichQueryIterator } from "./results-iterators.ts";
import type { RichQueryEngine } from "./rich-query.ts";

export interface QuerySettings {
  readonly richQueries: RichQueryEngine;
  readonly maxDegreeQueryReadsHashing: number;
}

export class StateQueryExecutor implements QueryExecutor {
  readonly #collectionNames = new CollectionNames((ns, key) => this.#read(ns, key)?.value);
  readonly #iterators: { close(): void }[] = [];
  readonly #rangeQueries: { namespace: string; record: RangeQueryRecord }[] = [];
  #done = false;

  constructor(
    protected readonly snapshot: Snapshot,
    protected readonly settings: QuerySettings,
    protected readonly recorder?: ReadWriteSetBuilder,
  ) {}

  /** Number of blocks that the reads see. */
  get height(): number {
    return this.snapshot.height;
  }

  getState(namespace: string, key: string): Uint8Array | undefined {
    return this.#read(namespace, key)?.value;
  }

  getStateMetadata(namespace: string, key: string): Map<string, Uint8Array> | undefined {
    return decodeMetadataEntries(this.#read(namespace, key)?.metadata);
  }

  getStateMultiple(namespace: string, keys: readonly string[]): (Uint8Array | undefined)[] {
    return keys.map((key) => this.getState(namespace, key));
  }

  getStateRange(namespace: string, start: string, end: string): ResultsIterator<KeyValue> {
    return this.#range(namespace, start, end, 0);
  }

  getStateRangePaged(
    namespace: string,
    start: string,
    end: string,
    pageSize: number,
  ): PagedIterator<KeyValue> {
    return this.#range(namespace, start, end, pageSize);
  }

  executeQuery(namespace: string, query: string): ResultsIterator<KeyValue> {
    this.checkNotDone();
    const cursor = this.settings.richQueries.query(this.snapshot.state, namespace, query);
    return this.#keep(new RichQueryIterator(namespace, cursor, this.recorder, () => ""));
  }

  executeQueryPaged(
    namespace: string,
    query: string,
    bookmark: string,
    pageSize: number,
  ): PagedIterator<KeyValue> {
    this.checkNotDone();
    const { richQueries } = this.settings;
    const page = richQueries.queryPage(this.snapshot.state, namespace, query, bookmark, pageSize);
    return this.#keep(
      new RichQueryIterator(namespace, page.cursor, this.recorder, () => page.bookmark()),
    );
  }

  getPrivateData(namespace: string, collection: string, key: string): Uint8Array | undefined {
    this.checkCollection(namespace, collection);
    this.checkNotDone();
    const { state } = this.snapshot;
    const clear = state.get(stateKey(privateNamespace(namespace, collection), key));
    const keyHash = privateKeyHash(key);
    const hashVersion = state.header(hashedStateKey(namespace, collection, keyHash))?.version;
    if (!sameVersion(hashVersion, clear?.version)) {
      throw new DenimError(
        "private-data-not-available",
        `private data matching public hash version is not available. Public hash version = ${
          versionText(hashVersion)
        }, Private data version = ${versionText(clear?.version)}`,
        { namespace, collection, key },
      );
    }
    this.recorder?.addHashedRead(namespace, collection, key, clear?.version);
    return clear?.value;
  }

  getPrivateDataHash(namespace: string, collection: string, key: string): Uint8Array | undefined {
    return this.#readHashed(namespace, collection, key)?.value;
  }

  getPrivateDataMetadata(
    namespace: string,
    collection: string,
    key: string,
  ): Map<string, Uint8Array> | undefined {
    return decodeMetadataEntries(this.#readHashed(namespace, collection, key)?.metadata);
  }

  getPrivateDataMetadataByHash(
    namespace: string,
    collection: string,
    keyHash: Uint8Array,
  ): Map<string, Uint8Array> | undefined {
    this.checkCollection(namespace, collection);
    this.checkNotDone();
    if (this.recorder) {
      throw new DenimError(
        "query-unsupported",
        "retrieving private data metadata by keyhash is not supported in simulation. This function is only available for query as yet",
      );
    }
    const stored = this.snapshot.state.get(hashedStateKey(namespace, collection, keyHash));
    return decodeMetadataEntries(stored?.metadata);
  }

  getPrivateDataRange(
    namespace: string,
    collection: string,
    start: string,
    end: string,
  ): ResultsIterator<KeyValue> {
    this.checkCollection(namespace, collection);
    this.checkNotDone();
    const stored = privateNamespace(namespace, collection);
    const cursor = stateRangeCursor(this.snapshot.state, stored, start, end);
    return this.#keep(new RangeIterator(namespace, cursor, 0, undefined));
  }

  executeQueryOnPrivateData(
    namespace: string,
    collection: string,
    query: string,
  ): ResultsIterator<KeyValue> {
    this.checkCollection(namespace, collection);
    this.checkNotDone();
    const stored = privateNamespace(namespace, collection);
    const cursor = this.settings.richQueries.query(this.snapshot.state, stored, query);
    return this.#keep(new RichQueryIterator(namespace, cursor, undefined, () => ""));
  }

  done(): void {
    if (this.#done) return;
    this.#done = true;
    for (const iterator of this.#iterators) iterator.close();
    this.snapshot.release();
  }

  /** @throws DenimError `simulation-done` */
  protected checkNotDone(): void {
    if (!this.#done) return;
    throw new DenimError(
      "simulation-done",
      "this instance should not be used after calling Done()",
    );
  }

  protected checkCollection(namespace: string, collection: string): void {
    this.#collectionNames.check(namespace, collection);
  }

  /** Adds the range queries to the read set, in the order they were begun. */
  protected recordRangeQueries(recorder: ReadWriteSetBuilder): void {
    for (const { namespace, record } of this.#rangeQueries) {
      recorder.addRangeQuery(namespace, record.finish());
    }
  }

  #read(namespace: string, key: string): VersionedValue | undefined {
    this.checkNotDone();
    const stored = this.snapshot.reads.get(namespace, key);
    this.recorder?.addRead(namespace, key, stored?.version);
    return stored;
  }

  #readHashed(namespace: string, collection: string, key: string): VersionedValue | undefined {
    this.checkCollection(namespace, collection);
    this.checkNotDone();
    const keyHash = privateKeyHash(key);
    const stored = this.snapshot.state.get(hashedStateKey(namespace, collection, keyHash));
    this.recorder?.addHashedRead(namespace, collection, key, stored?.version);
    return stored;
  }

  #range(namespace: string, start: string, end: string, limit: number): RangeIterator {
    this.checkNotDone();
    const cursor = stateRangeCursor(this.snapshot.state, namespace, start, end);
    const degree = this.settings.maxDegreeQueryReadsHashing;
    const record = this.recorder && new RangeQueryRecord(start, end, degree);
    if (record) this.#rangeQueries.push({ namespace, record });
    return this.#keep(new RangeIterator(namespace, cursor, limit, record));
  }

  #keep<T extends { close(): void }>(iterator: T): T {
    this.#iterators.push(iterator);
    return iterator;
  }
}
