/** The ledger's public face. Mirrors core/ledger/ledger_interface.go of Fabric 1.4.2. */
import type { Block } from "../gen/common/common_pb.ts";
import type { TxPvtReadWriteSet } from "../gen/ledger/rwset/rwset_pb.ts";
import type { NamespaceSet } from "./rwset/decode.ts";

/** The height of a write: block number and position in the block. */
export interface Version {
  readonly blockNumber: number;
  readonly txNumber: number;
}

export interface KeyValue {
  readonly namespace: string;
  readonly key: string;
  readonly value: Uint8Array;
}

/** One entry of a key's history (newest or oldest first, as Fabric 1.4.2 gives it). */
export interface KeyModification {
  readonly txId: string;
  readonly value: Uint8Array;
  /** From the transaction's channel header. */
  readonly timestamp: { seconds: bigint; nanos: number } | undefined;
  readonly isDelete: boolean;
}

/** Results read one at a time. `next` gives undefined at the end; after `close` it throws `iterator-closed`. */
export interface ResultsIterator<T> {
  next(): T | undefined;
  close(): void;
}

/** Results with a place to go on from. */
export interface PagedIterator<T> extends ResultsIterator<T> {
  /** Closes, and gives the bookmark for the next page ("" at the end). */
  bookmarkAndClose(): string;
}

/** Reads of committed state under one snapshot; records nothing unless it is a simulator. */
export interface QueryExecutor {
  getState(namespace: string, key: string): Uint8Array | undefined;
  getStateMetadata(namespace: string, key: string): Map<string, Uint8Array> | undefined;
  getStateMultiple(namespace: string, keys: readonly string[]): (Uint8Array | undefined)[];
  /** Start inclusive, end exclusive; empty means open. */
  getStateRange(namespace: string, start: string, end: string): ResultsIterator<KeyValue>;
  getStateRangePaged(
    namespace: string,
    start: string,
    end: string,
    pageSize: number,
  ): PagedIterator<KeyValue>;
  executeQuery(namespace: string, query: string): ResultsIterator<KeyValue>;
  executeQueryPaged(
    namespace: string,
    query: string,
    bookmark: string,
    pageSize: number,
  ): PagedIterator<KeyValue>;
  getPrivateData(namespace: string, collection: string, key: string): Uint8Array | undefined;
  getPrivateDataHash(namespace: string, collection: string, key: string): Uint8Array | undefined;
  getPrivateDataMetadata(
    namespace: string,
    collection: string,
    key: string,
  ): Map<string, Uint8Array> | undefined;
  /** By hash of the key, as validation needs it (key-level policies of private keys). */
  getPrivateDataMetadataByHash(
    namespace: string,
    collection: string,
    keyHash: Uint8Array,
  ): Map<string, Uint8Array> | undefined;
  getPrivateDataRange(
    namespace: string,
    collection: string,
    start: string,
    end: string,
  ): ResultsIterator<KeyValue>;
  executeQueryOnPrivateData(
    namespace: string,
    collection: string,
    query: string,
  ): ResultsIterator<KeyValue>;
  /** Releases the snapshot and closes its iterators; safe to call twice. */
  done(): void;
}

export interface SimulationResults {
  /** Serialized TxReadWriteSet: the bytes that are endorsed. */
  readonly publicBytes: Uint8Array;
  /** What these say. */
  readonly namespaces: readonly NamespaceSet[];
  /** Clear private writes, to be sent to the transient store; undefined when there are none. */
  readonly privateSet: TxPvtReadWriteSet | undefined;
  /** Collections whose clear data were read or queried, by namespace; hashes alone do not count. */
  readonly privateReads: ReadonlyMap<string, ReadonlySet<string>>;
}

/** A QueryExecutor that records reads and collects writes. */
export interface TxSimulator extends QueryExecutor {
  readonly txId: string;
  setState(namespace: string, key: string, value: Uint8Array): void;
  deleteState(namespace: string, key: string): void;
  setStateMetadata(namespace: string, key: string, metadata: Map<string, Uint8Array>): void;
  deleteStateMetadata(namespace: string, key: string): void;
  setPrivateData(namespace: string, collection: string, key: string, value: Uint8Array): void;
  deletePrivateData(namespace: string, collection: string, key: string): void;
  setPrivateDataMetadata(
    namespace: string,
    collection: string,
    key: string,
    metadata: Map<string, Uint8Array>,
  ): void;
  /** Ends recording. */
  results(): SimulationResults;
}

export interface HistoryQueryExecutor {
  getHistoryForKey(namespace: string, key: string): ResultsIterator<KeyModification>;
  done(): void;
}

export interface BlockchainInfo {
  /** Number of blocks. */
  readonly height: number;
  readonly currentBlockHash: Uint8Array;
  readonly previousBlockHash: Uint8Array;
}

export interface CommittedBlock {
  readonly number: number;
  readonly block: Block;
  /** Final validation codes, one per transaction (TxValidationCode numbers). */
  readonly flags: Uint8Array;
  /** txid per transaction, "" where there is none. */
  readonly txIds: readonly string[];
}

/** Private data of a block's transactions that this peer holds, by transaction number. */
export type BlockPrivateData = ReadonlyMap<number, TxPvtReadWriteSet>;

/** Private writes of a transaction that this peer does not hold. */
export interface MissingPrivateData {
  readonly txNumber: number;
  readonly namespace: string;
  readonly collection: string;
  /** Whether this peer's organisation may have it. */
  readonly eligible: boolean;
}

export interface CommitInput {
  readonly block: Block;
  /** From validation; MVCC may turn VALID ones into conflicts. One byte per transaction. */
  readonly flags: Uint8Array;
  readonly privateData?: BlockPrivateData;
  /** Without it, every private write of a valid transaction that is not in `privateData` counts. */
  readonly missingPrivateData?: readonly MissingPrivateData[];
  /**
   * The next block is at hand: this one is forced to the disk together with it. A loss of power may
   * take both, whole, and the peer gets them again from its orderer; a killed peer loses neither.
   */
  readonly moreFollow?: boolean;
}

/** One key of the world state as stored, in all namespaces (`ns$$hcoll`, `ns$$pcoll` too). */
export interface StateEntry {
  readonly namespace: string;
  /** Raw bytes: hashes in hashed namespaces, UTF-8 elsewhere. */
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** Serialized metadata entries. */
  readonly metadata: Uint8Array | undefined;
  readonly version: Version;
}

/** One channel's ledger. The blocks it gives are shared between readers: not to be changed. */
export interface PeerLedger {
  readonly channelId: string;
  info(): BlockchainInfo;
  /** @throws DenimError `not-found` for each look-up below */
  blockByNumber(blockNumber: number): Block;
  blockByHash(headerHash: Uint8Array): Block;
  blockByTxId(txId: string): Block;
  /** Envelope bytes and validation code. */
  transactionById(txId: string): { envelope: Uint8Array; validationCode: number };
  hasTransaction(txId: string): boolean;
  /** Waits for a block that is not there yet, until the signal aborts. Blocks come with final metadata. */
  blocksFrom(blockNumber: number, signal: AbortSignal): AsyncIterable<Block>;
  newSimulator(txId: string): TxSimulator;
  newQueryExecutor(): QueryExecutor;
  newHistoryExecutor(): HistoryQueryExecutor;
  /** Private write sets kept for a block, those of invalid transactions too. */
  privateDataOfBlock(blockNumber: number): BlockPrivateData;
  /** Private writes that this peer lacks, newest blocks first, of at most `maxBlocks` blocks below `belowBlock`. */
  missingPrivateData(
    maxBlocks: number,
    belowBlock?: number,
  ): (MissingPrivateData & { readonly blockNumber: number })[];
  /**
   * Takes in private data of blocks that are committed already; what is not missing, or not what
   * the block promises, is passed over. Returns how many were taken in.
   */
  commitLatePrivateData(late: readonly LatePrivateData[]): number;
  /** The whole world state of one height in order of keys; for dumps and comparisons. */
  stateEntries(): IterableIterator<StateEntry>;
  /**
   * The transaction that wrote the configuration in force, as the state knows it: what orderers say
   * in a block's metadata is not signed in a way that peers check.
   */
  configVersion(): Version | undefined;
  /** Commit hash of the newest block; undefined while only block 0 is there. */
  commitHash(): Uint8Array | undefined;
  /** MVCC, then block, index, state, history and private data in one transaction. Blocks must come in order. */
  commit(input: CommitInput): CommittedBlock;
  /** Called after each commit, in order. Returns the way to stop. */
  onCommit(listener: (committed: CommittedBlock) => void): () => void;
  transientStore: TransientStore;
  close(): void;
}

/** The private writes of one transaction in one collection, after their block was committed. */
export interface LatePrivateData {
  readonly blockNumber: number;
  readonly txNumber: number;
  readonly namespace: string;
  readonly collection: string;
  /** Serialized KVRWSet. */
  readonly rwset: Uint8Array;
}

/** Private write sets of endorsed but not yet committed transactions. Mirrors core/transientstore. */
export interface TransientStore {
  persist(
    txId: string,
    endorsementHeight: number,
    set: TxPvtReadWriteSet,
    collectionConfigs?: Uint8Array,
  ): void;
  get(txId: string): readonly TxPvtReadWriteSet[];
  purgeByTxIds(txIds: readonly string[]): void;
  purgeBelowHeight(height: number): void;
}

/** All ledgers of a peer, kept under one directory. */
export interface LedgerProvider {
  /** From a genesis or config block; commits it as block 0. @throws DenimError `ledger-exists` */
  create(channelId: string, genesisBlock: Block): PeerLedger;
  /** Opens existing ledgers; the open one is returned when asked twice. */
  open(channelId: string): PeerLedger;
  list(): string[];
  /** To be called when a package is installed: its indexes serve the channels that run it. */
  chaincodeInstalled(): void;
  close(): void;
}
