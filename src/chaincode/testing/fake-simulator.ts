/** A TxSimulator over a Map, which notes what was called: the ledger as this room's tests need it. */
import { DenimError } from "../../base/errors.ts";
import type {
  HistoryQueryExecutor,
  KeyModification,
  KeyValue,
  PagedIterator,
  SimulationResults,
  TxSimulator,
} from "../../ledger/types.ts";

export class FakeSimulator implements TxSimulator {
  readonly writes = new Map<string, Uint8Array | undefined>();
  readonly metadataWrites = new Map<string, Map<string, Uint8Array>>();
  readonly calls: string[] = [];
  readonly openIterators = new Set<CountingIterator>();
  isDone = false;

  /** @param state committed values by `namespace/key` */
  constructor(readonly txId: string, readonly state: Map<string, Uint8Array> = new Map()) {}

  getState(namespace: string, key: string): Uint8Array | undefined {
    this.#note(`get ${namespace}/${key}`);
    return this.state.get(`${namespace}/${key}`);
  }
  getStateMetadata(namespace: string, key: string): Map<string, Uint8Array> | undefined {
    this.#note(`getMetadata ${namespace}/${key}`);
    return new Map([["VALIDATION_PARAMETER", new Uint8Array([1])]]);
  }
  getStateMultiple(namespace: string, keys: readonly string[]): (Uint8Array | undefined)[] {
    return keys.map((key) => this.getState(namespace, key));
  }
  getStateRange(namespace: string, start: string, end: string): CountingIterator {
    this.#note(`range ${namespace} ${start} ${end}`);
    return this.#iterate(namespace, start, end, Infinity);
  }
  getStateRangePaged(
    namespace: string,
    start: string,
    end: string,
    pageSize: number,
  ): CountingIterator {
    this.#note(`pagedRange ${namespace} ${start} ${end} ${pageSize}`);
    return this.#iterate(namespace, start, end, pageSize);
  }
  executeQuery(): CountingIterator {
    throw new DenimError("unsupported", "ExecuteQuery not supported for leveldb");
  }
  executeQueryPaged(
    namespace: string,
    query: string,
    bookmark: string,
    pageSize: number,
  ): CountingIterator {
    this.#note(`pagedQuery ${namespace} ${query} ${bookmark} ${pageSize}`);
    return this.#iterate(namespace, "", "", pageSize);
  }
  getPrivateData(namespace: string, collection: string, key: string): Uint8Array | undefined {
    this.#note(`getPrivate ${namespace}/${collection}/${key}`);
    return this.state.get(`${namespace}/${collection}/${key}`);
  }
  getPrivateDataHash(namespace: string, collection: string, key: string): Uint8Array {
    this.#note(`getHash ${namespace}/${collection}/${key}`);
    return new Uint8Array([7]);
  }
  getPrivateDataMetadata(namespace: string, collection: string, key: string) {
    this.#note(`getPrivateMetadata ${namespace}/${collection}/${key}`);
    return undefined;
  }
  getPrivateDataMetadataByHash(): undefined {
    return undefined;
  }
  getPrivateDataRange(
    namespace: string,
    collection: string,
    start: string,
    end: string,
  ): CountingIterator {
    this.#note(`privateRange ${namespace}/${collection} ${start} ${end}`);
    return this.#iterate(`${namespace}/${collection}`, start, end, Infinity);
  }
  executeQueryOnPrivateData(): CountingIterator {
    throw new DenimError("unsupported", "ExecuteQuery not supported for leveldb");
  }
  setState(namespace: string, key: string, value: Uint8Array): void {
    this.#note(`put ${namespace}/${key}`);
    this.writes.set(`${namespace}/${key}`, value);
  }
  deleteState(namespace: string, key: string): void {
    this.#note(`delete ${namespace}/${key}`);
    this.writes.set(`${namespace}/${key}`, undefined);
  }
  setStateMetadata(namespace: string, key: string, metadata: Map<string, Uint8Array>): void {
    this.#note(`putMetadata ${namespace}/${key}`);
    this.metadataWrites.set(`${namespace}/${key}`, metadata);
  }
  deleteStateMetadata(): void {}
  setPrivateData(namespace: string, collection: string, key: string, value: Uint8Array): void {
    this.#note(`putPrivate ${namespace}/${collection}/${key}`);
    this.writes.set(`${namespace}/${collection}/${key}`, value);
  }
  deletePrivateData(namespace: string, collection: string, key: string): void {
    this.#note(`deletePrivate ${namespace}/${collection}/${key}`);
  }
  setPrivateDataMetadata(namespace: string, collection: string, key: string): void {
    this.#note(`putPrivateMetadata ${namespace}/${collection}/${key}`);
  }
  results(): SimulationResults {
    throw new Error("not simulated here");
  }
  done(): void {
    this.isDone = true;
  }

  #note(call: string): void {
    if (this.isDone) throw new DenimError("simulator-done", "simulator used after done");
    this.calls.push(call);
  }

  #iterate(namespace: string, start: string, end: string, limit: number): CountingIterator {
    const prefix = `${namespace}/`;
    const rows: KeyValue[] = [...this.state]
      .filter(([key]) => key.startsWith(prefix) && !key.slice(prefix.length).includes("/"))
      .map(([key, value]) => ({ namespace, key: key.slice(prefix.length), value }))
      .filter(({ key }) => key >= start && (end === "" || key < end))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    const iterator = new CountingIterator(rows, limit, this.openIterators);
    this.openIterators.add(iterator);
    return iterator;
  }
}

export class CountingIterator implements PagedIterator<KeyValue> {
  read = 0;
  closed = false;

  constructor(
    private readonly rows: KeyValue[],
    private readonly limit: number,
    private readonly open: Set<CountingIterator>,
  ) {}

  next(): KeyValue | undefined {
    if (this.closed) throw new DenimError("iterator-closed", "iterator was closed");
    return this.read < Math.min(this.limit, this.rows.length) ? this.rows[this.read++] : undefined;
  }

  close(): void {
    this.closed = true;
    this.open.delete(this);
  }

  bookmarkAndClose(): string {
    this.close();
    return this.rows[this.read]?.key ?? "";
  }
}

export class FakeHistory implements HistoryQueryExecutor {
  isDone = false;

  constructor(private readonly modifications: KeyModification[] = []) {}

  getHistoryForKey() {
    const rows = [...this.modifications];
    return { next: () => rows.shift(), close: () => {} };
  }

  done(): void {
    this.isDone = true;
  }
}
