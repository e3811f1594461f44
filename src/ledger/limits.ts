/** The ledger's limits and settings, each with its default. */

export interface LedgerLimits {
  /** Results of a range query kept raw; more become a Merkle summary (Fabric: 50, not configurable). */
  readonly maxDegreeQueryReadsHashing: number;
  /**
   * Different block heights that simulations may hold open at once. All simulations of one height
   * share one read connection, so this bounds connections, not simulations.
   */
  readonly maxOpenSnapshots: number;
  /** Read connections kept for reuse when nothing is simulated. */
  readonly maxIdleSnapshots: number;
  /** Rows read from the database at once by an iterator, at most. */
  readonly maxRowsPerRead: number;
  /** Bytes of values that an iterator tries not to exceed in one read. */
  readonly targetBytesPerRead: number;
  /** Recently committed blocks kept decoded for deliver streams. */
  readonly recentBlocks: number;
  /** Memory for cached database pages of the writer, in KiB. */
  readonly writerCacheKiB: number;
  /** Memory for cached database pages of each reader, in KiB. */
  readonly readerCacheKiB: number;
  /** Point reads that each open height remembers. */
  readonly maxRememberedReads: number;
  /** Longest value that is remembered, in bytes. */
  readonly maxRememberedValueBytes: number;
  /** How long to wait for another process that holds the database, in milliseconds. */
  readonly lockTimeoutMs: number;
}

export const defaultLedgerLimits: LedgerLimits = {
  maxDegreeQueryReadsHashing: 50,
  maxOpenSnapshots: 64,
  maxIdleSnapshots: 4,
  maxRowsPerRead: 128,
  targetBytesPerRead: 1 << 20,
  recentBlocks: 4,
  writerCacheKiB: 16 * 1024,
  readerCacheKiB: 4 * 1024,
  maxRememberedReads: 2_000,
  maxRememberedValueBytes: 2 * 1024,
  lockTimeoutMs: 2_000,
};
