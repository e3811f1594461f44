/** One channel's ledger over one SQLite file. Mirrors core/ledger/kvledger/kv_ledger.go. */
import { type Block, BlockMetadataIndex } from "../gen/common/common_pb.ts";
import { emptyBytes, hex, text } from "../base/bytes.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { blockMetadata } from "../protocol/block.ts";
import { writeBlock } from "./block-commit.ts";
import { missingPrivateWrites, prepareBlock, type PreparedBlock } from "./block-preparation.ts";
import { BlockFeed } from "./block/block-feed.ts";
import { BlockStore, type ChainTip } from "./block/block-store.ts";
import { checkFollows, finalBlock } from "./block/next-block.ts";
import { StateHistory } from "./history-store.ts";
import type { KeyValueCheck } from "./key-validation.ts";
import type { LedgerLimits } from "./limits.ts";
import type { LedgerMetrics, LedgerMetricsSource } from "./metrics.ts";
import {
  chaincodesToIndex,
  defineChaincodeIndexes,
  type IndexFiles,
} from "./mango/chaincode-indexes.ts";
import { IndexWriter } from "./mango/index-store.ts";
import { commitHash, deterministicUpdateBytes } from "./mvcc/commit-hash.ts";
import { BlockCommittedState } from "./mvcc/committed-state.ts";
import { type BlockToLive, lsccNamespace } from "./private/collection-policy.ts";
import { collectionLifetimes } from "./private/collection-lifetimes.ts";
import { writeLatePrivateData } from "./private/late-private-data.ts";
import {
  missingPrivateData,
  newestPrivateBlock,
  privateDataOfBlock,
} from "./private/private-data-store.ts";
import { preparePrivateUpdates } from "./private/private-updates.ts";
import { StateQueryExecutor } from "./query/query-executor.ts";
import type { RichQueryEngine } from "./query/rich-query.ts";
import { Simulator } from "./query/simulator.ts";
import { splitStateKey, stateKey } from "./state/state-key.ts";
import { stateRangeCursor, StateStore } from "./state/state-store.ts";
import type { Database } from "./storage/database.ts";
import { SnapshotPool } from "./storage/snapshot-pool.ts";
import { channelConfigKey, configNamespace } from "./transaction/config-transaction.ts";
import { FileTransientStore } from "./transient-store.ts";
import type {
  BlockchainInfo,
  BlockPrivateData,
  CommitInput,
  CommittedBlock,
  HistoryQueryExecutor,
  LatePrivateData,
  MissingPrivateData,
  PeerLedger,
  QueryExecutor,
  StateEntry,
  TransientStore,
  TxSimulator,
  Version,
} from "./types.ts";

export interface LedgerModules {
  readonly limits: LedgerLimits;
  readonly logger: Logger;
  readonly historyEnabled: boolean;
  readonly checkKeyValue: KeyValueCheck;
  readonly richQueries: RichQueryEngine;
  /** Indexes of installed packages; without it none are made. */
  readonly indexFiles?: IndexFiles;
  /** The form in which the state keeps a value; default: as written. */
  readonly storedForm?: (value: Uint8Array) => Uint8Array;
  readonly blockToLive: BlockToLive;
  /** Undefined where nobody counts. */
  readonly metrics?: LedgerMetricsSource;
}

const noPrivateData: BlockPrivateData = new Map();

/** Block numbers from here on ask for the newest block (Go's math.MaxUint64). */
const newestBlockNumber = 2 ** 64;

export class SqliteLedger implements PeerLedger {
  readonly transientStore: TransientStore;
  readonly #transient: FileTransientStore;
  readonly #blocks: BlockStore;
  readonly #state: StateStore;
  readonly #snapshots: SnapshotPool;
  readonly #feed: BlockFeed;
  readonly #recent = new Map<number, Block>();
  readonly #listeners = new Set<(committed: CommittedBlock) => void>();
  readonly #log: Logger;
  readonly #metrics: LedgerMetrics | undefined;
  #tip: ChainTip;
  #commitHash: Uint8Array | undefined;
  #closed = false;
  /** Newest block whose private data was here when the ledger was opened. */
  readonly #keptUntil: number;

  /**
   * @param database a connection for writing, owned by the ledger from now on
   * @param transientFile where private data of endorsements waits
   * @param onClose called once
   */
  constructor(
    readonly channelId: string,
    readonly database: Database,
    transientFile: string,
    readonly modules: LedgerModules,
    readonly onClose: () => void = () => {},
  ) {
    this.#log = modules.logger.named("kvledger");
    this.#blocks = new BlockStore(database);
    this.#state = new StateStore(database, modules.limits);
    this.#snapshots = new SnapshotPool(database.file, modules.limits);
    this.#feed = new BlockFeed(() => this.#tip.height, (number) => this.blockByNumber(number));
    this.#transient = new FileTransientStore(transientFile, modules.limits);
    this.transientStore = this.#transient;
    this.#tip = this.#blocks.tip();
    this.#metrics = modules.metrics?.(channelId);
    this.#metrics?.height(this.#tip.height);
    this.#commitHash = this.#storedCommitHash();
    this.#keptUntil = newestPrivateBlock(database);
  }

  info(): BlockchainInfo {
    return {
      height: this.#tip.height,
      currentBlockHash: this.#tip.headerHash,
      previousBlockHash: this.#tip.previousHash,
    };
  }

  /** A number of 2^64 (MaxUint64, as JavaScript rounds it) and more is the newest block. */
  blockByNumber(blockNumber: number): Block {
    const number = blockNumber >= newestBlockNumber ? this.#tip.height - 1 : blockNumber;
    return this.#recent.get(number) ?? this.#blocks.byNumber(number);
  }

  blockByHash(headerHash: Uint8Array): Block {
    return this.#blocks.byHash(headerHash);
  }

  blockByTxId(txId: string): Block {
    return this.blockByNumber(this.#blocks.transaction(txId).blockNumber);
  }

  transactionById(txId: string): { envelope: Uint8Array; validationCode: number } {
    const { envelope, validationCode } = this.#blocks.transaction(txId);
    return { envelope, validationCode };
  }

  hasTransaction(txId: string): boolean {
    return this.#blocks.hasTransaction(txId);
  }

  blocksFrom(blockNumber: number, signal: AbortSignal): AsyncIterable<Block> {
    return this.#feed.from(blockNumber, signal);
  }

  newSimulator(txId: string): TxSimulator {
    return new Simulator(txId, this.#snapshots.acquire(), this.#settings());
  }

  newQueryExecutor(): QueryExecutor {
    return new StateQueryExecutor(this.#snapshots.acquire(), this.#settings());
  }

  newHistoryExecutor(): HistoryQueryExecutor {
    const snapshot = this.#snapshots.acquire();
    const blocks = new BlockStore(snapshot.database);
    return new StateHistory(snapshot, blocks, this.modules.historyEnabled);
  }

  privateDataOfBlock(blockNumber: number): BlockPrivateData {
    return privateDataOfBlock(this.database, blockNumber);
  }

  missingPrivateData(
    maxBlocks: number,
    belowBlock?: number,
  ): (MissingPrivateData & { readonly blockNumber: number })[] {
    return missingPrivateData(this.database, maxBlocks, belowBlock);
  }

  commitLatePrivateData(late: readonly LatePrivateData[]): number {
    this.#snapshots.advance();
    const stores = {
      database: this.database,
      blocks: this.#blocks,
      state: this.#state,
      indexes: new IndexWriter(this.database),
      storedForm: this.#storedForm,
    };
    return this.database.transaction(() =>
      late.filter((one) => writeLatePrivateData(one, stores)).length
    );
  }

  *stateEntries(): IterableIterator<StateEntry> {
    const snapshot = this.#snapshots.acquire();
    try {
      const cursor = snapshot.state.range(emptyBytes, Uint8Array.of(0xff));
      for (let entry = cursor.next(); entry !== undefined; entry = cursor.next()) {
        const { namespace, key } = splitStateKey(entry.stored);
        const { value, metadata, version } = entry;
        yield { namespace, key, value, metadata, version };
      }
    } finally {
      snapshot.release();
    }
  }

  configVersion(): Version | undefined {
    return this.#state.get(stateKey(configNamespace, channelConfigKey))?.version;
  }

  commitHash(): Uint8Array | undefined {
    return this.#commitHash;
  }

  /**
   * @throws DenimError `unexpected-block` (wrong number or previous hash), `bad-flags`,
   * `private-data-hash-mismatch`, or a storage error; nothing is written then
   */
  commit(input: CommitInput): CommittedBlock {
    const started = performance.now();
    const number = checkFollows(this.#tip, input.block, input.flags);
    // Views of the old height keep their own connections; an unused one must not hold the log.
    this.#snapshots.advance();
    const committed = new BlockCommittedState(this.#state);
    const envelopes = input.block.data?.data ?? [];
    const prepared = prepareBlock(
      number,
      envelopes,
      input.flags,
      committed,
      this.modules.checkKeyValue,
    );
    const privateData = this.#withKept(number, input.privateData ?? noPrivateData);
    const privateUpdates = preparePrivateUpdates(
      number,
      prepared.transactions,
      prepared.mvcc,
      privateData,
      committed,
    );
    const hash = this.#nextCommitHash(number, prepared);
    const block = finalBlock(input.block, prepared.flags, hash);
    const prepareMs = performance.now() - started;
    const write = {
      number,
      block,
      firstOrdinal: this.#tip.transactions,
      prepared,
      privateUpdates,
      privateData,
      missing: missingPrivateWrites(prepared, privateData, input.missingPrivateData),
    };
    const stores = {
      database: this.database,
      blocks: this.#blocks,
      state: this.#state,
      historyEnabled: this.modules.historyEnabled,
      lifetime: collectionLifetimes(this.modules.blockToLive, committed),
      indexes: new IndexWriter(this.database),
      storedForm: this.#storedForm,
    };
    const definitions = prepared.mvcc.publicUpdates.of(lsccNamespace)?.keys() ?? [];
    const writing = performance.now();
    this.database.forceToDisk(!input.moreFollow);
    const { tip, times } = this.database.transaction(() => {
      const times = writeBlock(write, stores, committed);
      this.#defineIndexes(stores.indexes, definitions);
      return { tip: this.#blocks.tip(), times };
    });
    const total = performance.now() - writing;
    this.#metrics?.committed(
      { ...times, total, prepare: prepareMs },
      prepared.kinds,
      prepared.flags,
    );
    this.#metrics?.height(tip.height);
    this.#tip = tip;
    this.#commitHash = hash;
    this.#remember(number, block);
    this.#log.info(
      `[${this.channelId}] Committed block [${number}] with ${envelopes.length} transaction(s)`,
      {
        prepareMs: Math.round(prepareMs),
        totalMs: Math.round(performance.now() - started),
        commitHash: hash ? hex(hash) : "",
      },
    );
    return this.#announce({ number, block, flags: prepared.flags, txIds: prepared.txIds });
  }

  onCommit(listener: (committed: CommittedBlock) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Makes the indexes that newly installed packages bring for chaincodes that are instantiated. */
  refreshIndexes(): void {
    const modules = this.#indexModules();
    if (modules === undefined) return;
    const cursor = stateRangeCursor(this.#state, lsccNamespace, "", "");
    const names: string[] = [];
    for (let entry = cursor.next(); entry !== undefined; entry = cursor.next()) {
      names.push(text(splitStateKey(entry.stored).key));
    }
    const pending = chaincodesToIndex(modules, names);
    if (pending.length === 0) return;
    this.#snapshots.advance();
    this.database.transaction(() => this.#defineIndexes(new IndexWriter(this.database), pending));
  }

  /** Ends block streams and gives all connections back; safe to call twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#feed.close();
    this.#listeners.clear();
    this.#snapshots.close();
    this.#transient.close();
    this.database.close();
    this.onClose();
  }

  get #storedForm(): (value: Uint8Array) => Uint8Array {
    return this.modules.storedForm ?? ((value) => value);
  }

  #settings() {
    const { richQueries, checkKeyValue, limits } = this.modules;
    return {
      richQueries,
      checkKeyValue,
      maxDegreeQueryReadsHashing: limits.maxDegreeQueryReadsHashing,
    };
  }

  #indexModules() {
    const { indexFiles: files } = this.modules;
    const getState = (namespace: string, key: string) =>
      this.#state.get(stateKey(namespace, key))?.value;
    return files && { database: this.database, getState, files, logger: this.#log };
  }

  #defineIndexes(writer: IndexWriter, names: Iterable<string>): void {
    const modules = this.#indexModules();
    if (modules) defineChaincodeIndexes(modules, writer, names);
  }

  /** Computed from block 1 on, and only while the chain has had it without a gap. */
  #nextCommitHash(number: number, prepared: PreparedBlock): Uint8Array | undefined {
    if (number !== 1 && this.#commitHash === undefined) return undefined;
    const { publicUpdates, hashedUpdates } = prepared.mvcc;
    const updates = deterministicUpdateBytes(publicUpdates, hashedUpdates);
    return commitHash(prepared.flags, updates, this.#commitHash);
  }

  #storedCommitHash(): Uint8Array | undefined {
    if (this.#tip.height === 0) return undefined;
    const newest = this.#blocks.byNumber(this.#tip.height - 1);
    const { value } = blockMetadata(newest, BlockMetadataIndex.COMMIT_HASH);
    return value.length === 0 ? undefined : value;
  }

  /** After a rollback the write sets of blocks to come are still here; what is handed in goes first. */
  #withKept(number: number, given: BlockPrivateData): BlockPrivateData {
    if (number > this.#keptUntil) return given;
    return new Map([...privateDataOfBlock(this.database, number), ...given]);
  }

  #remember(number: number, block: Block): void {
    this.#recent.set(number, block);
    this.#recent.delete(number - this.modules.limits.recentBlocks);
  }

  /** A listener that throws must not undo a commit that is on disk. */
  #announce(committed: CommittedBlock): CommittedBlock {
    this.#feed.wake();
    for (const listener of [...this.#listeners]) {
      try {
        listener(committed);
      } catch (thrown) {
        this.#log.error(`a commit listener failed: ${messageOf(thrown)}`, {
          channelId: this.channelId,
          blockNumber: committed.number,
        });
      }
    }
    return committed;
  }
}
