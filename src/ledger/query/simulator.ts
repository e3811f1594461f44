/** A transaction simulation: recorded reads and collected writes. Mirrors lockbasedtxmgr/lockbased_tx_simulator.go. */
import { DenimError } from "../../base/errors.ts";
import type { KeyValueCheck } from "../key-validation.ts";
import { ReadWriteSetBuilder } from "../rwset/builder.ts";
import type { Snapshot } from "../storage/snapshot-pool.ts";
import type {
  KeyValue,
  PagedIterator,
  ResultsIterator,
  SimulationResults,
  TxSimulator,
} from "../types.ts";
import { type QuerySettings, StateQueryExecutor } from "./query-executor.ts";

export interface SimulatorSettings extends QuerySettings {
  readonly checkKeyValue: KeyValueCheck;
}

const noMetadata: ReadonlyMap<string, Uint8Array> = new Map();

export class Simulator extends StateQueryExecutor implements TxSimulator {
  readonly #builder: ReadWriteSetBuilder;
  readonly #checkKeyValue: KeyValueCheck;
  #wrote = false;
  #queriedPrivateData = false;
  #queriedPages = false;
  #computed = false;
  readonly #privateReads = new Map<string, Set<string>>();

  constructor(readonly txId: string, snapshot: Snapshot, settings: SimulatorSettings) {
    const builder = new ReadWriteSetBuilder();
    super(snapshot, settings, builder);
    this.#builder = builder;
    this.#checkKeyValue = settings.checkKeyValue;
  }

  setState(namespace: string, key: string, value: Uint8Array): void {
    this.#write(namespace, key, presentOrDelete(value));
  }

  deleteState(namespace: string, key: string): void {
    this.#write(namespace, key, undefined);
  }

  setStateMetadata(namespace: string, key: string, metadata: Map<string, Uint8Array>): void {
    this.#checkWrite(key, undefined);
    this.#builder.addMetadataWrite(namespace, key, metadata);
  }

  deleteStateMetadata(namespace: string, key: string): void {
    this.#checkWrite(key, undefined);
    this.#builder.addMetadataWrite(namespace, key, noMetadata);
  }

  setPrivateData(namespace: string, collection: string, key: string, value: Uint8Array): void {
    this.#writePrivate(namespace, collection, key, presentOrDelete(value));
  }

  deletePrivateData(namespace: string, collection: string, key: string): void {
    this.#writePrivate(namespace, collection, key, undefined);
  }

  setPrivateDataMetadata(
    namespace: string,
    collection: string,
    key: string,
    metadata: Map<string, Uint8Array>,
  ): void {
    this.checkCollection(namespace, collection);
    this.#checkWrite(key, undefined);
    this.#builder.addPrivateMetadataWrite(namespace, collection, key, metadata);
  }

  override getStateRangePaged(
    namespace: string,
    start: string,
    end: string,
    pageSize: number,
  ): PagedIterator<KeyValue> {
    this.#checkPagedQuery();
    return super.getStateRangePaged(namespace, start, end, pageSize);
  }

  override executeQueryPaged(
    namespace: string,
    query: string,
    bookmark: string,
    pageSize: number,
  ): PagedIterator<KeyValue> {
    this.#checkPagedQuery();
    return super.executeQueryPaged(namespace, query, bookmark, pageSize);
  }

  override getPrivateData(
    namespace: string,
    collection: string,
    key: string,
  ): Uint8Array | undefined {
    const value = super.getPrivateData(namespace, collection, key);
    this.#readPrivately(namespace, collection);
    return value;
  }

  override getPrivateDataRange(
    namespace: string,
    collection: string,
    start: string,
    end: string,
  ): ResultsIterator<KeyValue> {
    this.#checkPrivateQuery();
    this.#readPrivately(namespace, collection);
    return super.getPrivateDataRange(namespace, collection, start, end);
  }

  override executeQueryOnPrivateData(
    namespace: string,
    collection: string,
    query: string,
  ): ResultsIterator<KeyValue> {
    this.#checkPrivateQuery();
    this.#readPrivately(namespace, collection);
    return super.executeQueryOnPrivateData(namespace, collection, query);
  }

  results(): SimulationResults {
    if (this.#computed) {
      throw new DenimError(
        "results-computed",
        "this function should only be called once on a transaction simulator instance",
        { txId: this.txId },
      );
    }
    this.#computed = true;
    this.recordRangeQueries(this.#builder);
    return { ...this.#builder.build(), privateReads: this.#privateReads };
  }

  #readPrivately(namespace: string, collection: string): void {
    const collections = this.#privateReads.get(namespace);
    if (collections) collections.add(collection);
    else this.#privateReads.set(namespace, new Set([collection]));
  }

  #write(namespace: string, key: string, value: Uint8Array | undefined): void {
    this.#checkWrite(key, value);
    this.#builder.addWrite(namespace, key, value);
  }

  #writePrivate(
    namespace: string,
    collection: string,
    key: string,
    value: Uint8Array | undefined,
  ): void {
    this.checkCollection(namespace, collection);
    this.#checkWrite(key, value);
    this.#builder.addPrivateWrite(namespace, collection, key, value);
  }

  #checkWrite(key: string, value: Uint8Array | undefined): void {
    this.checkNotDone();
    if (this.#queriedPrivateData) {
      throw this.#unsupported(
        "Transaction has already performed queries on pvt data. Writes are not allowed",
      );
    }
    if (this.#queriedPages) {
      throw this.#unsupported(
        "Transaction has already performed a paginated query. Writes are not allowed",
      );
    }
    this.#wrote = true;
    this.#checkKeyValue(key, value);
  }

  #checkPagedQuery(): void {
    if (this.#wrote) {
      throw this.#unsupported(
        "Paginated queries are supported only in a read-only transaction",
      );
    }
    this.#queriedPages = true;
  }

  #checkPrivateQuery(): void {
    if (this.#wrote) {
      throw this.#unsupported(
        "Queries on pvt data is supported only in a read-only transaction",
      );
    }
    this.#queriedPrivateData = true;
  }

  #unsupported(rule: string): DenimError {
    return new DenimError("unsupported-transaction", `txid [${this.txId}]: ${rule}`, {
      txId: this.txId,
    });
  }
}

/** Over the wire an empty value is no value, and no value deletes. */
function presentOrDelete(value: Uint8Array): Uint8Array | undefined {
  return value.length === 0 ? undefined : value;
}
