/**
 * Consistent views of the ledger for simulations and queries. A view is a read transaction of its
 * own connection, pinned when it is made; since nothing commits between two blocks, everything that
 * begins at one height shares one view.
 */
import { DenimError } from "../../base/errors.ts";
import type { LedgerLimits } from "../limits.ts";
import { RememberedReads } from "../state/remembered-reads.ts";
import { StateStore } from "../state/state-store.ts";
import { Database } from "./database.ts";

export interface Snapshot {
  readonly database: Database;
  readonly state: StateStore;
  /** `state`'s point reads, remembered by all that share the view. */
  readonly reads: RememberedReads;
  /** Number of blocks seen. */
  readonly height: number;
  /** Gives the view back; to be called once. */
  release(): void;
}

class Reader {
  readonly state: StateStore;
  readonly reads: RememberedReads;
  height = -1;
  users = 0;

  constructor(readonly database: Database, limits: LedgerLimits) {
    this.state = new StateStore(database, limits);
    this.reads = new RememberedReads(this.state, limits);
  }

  pin(): void {
    this.database.exec("BEGIN");
    // The first read is what fixes the view.
    const row = this.database.prepare("SELECT COALESCE(MAX(number) + 1, 0) AS height FROM blocks")
      .get();
    this.height = Number(row?.height);
  }

  unpin(): void {
    this.height = -1;
    this.reads.clear();
    this.database.exec("COMMIT");
  }

  close(): void {
    this.reads.clear();
    this.database.close();
  }
}

export class SnapshotPool {
  #current: Reader | undefined;
  readonly #older = new Set<Reader>();
  readonly #idle: Reader[] = [];
  #closed = false;

  constructor(readonly file: string, readonly limits: LedgerLimits) {}

  /** Different heights that are held open now. */
  get openSnapshots(): number {
    return this.#older.size + (this.#current ? 1 : 0);
  }

  /** A view of the newest block. @throws DenimError `too-many-snapshots`, `ledger-closed` */
  acquire(): Snapshot {
    const reader = this.#current ??= this.#pinned();
    reader.users++;
    let released = false;
    return {
      database: reader.database,
      state: reader.state,
      reads: reader.reads,
      height: reader.height,
      release: () => {
        if (released) return;
        released = true;
        reader.users--;
        if (reader.users === 0 && reader !== this.#current) this.#retire(reader);
      },
    };
  }

  /** To be called before a block commits: later views must see it, and the log can be recycled. */
  advance(): void {
    const reader = this.#current;
    if (!reader) return;
    this.#current = undefined;
    if (reader.users === 0) this.#park(reader);
    else this.#older.add(reader);
  }

  close(): void {
    this.#closed = true;
    for (const reader of this.#older) reader.close();
    for (const reader of this.#idle) reader.close();
    this.#current?.close();
    this.#older.clear();
    this.#idle.length = 0;
    this.#current = undefined;
  }

  #pinned(): Reader {
    if (this.#closed) {
      throw new DenimError("ledger-closed", `the ledger ${this.file} is closed`, {
        file: this.file,
      });
    }
    if (this.openSnapshots >= this.limits.maxOpenSnapshots) {
      throw new DenimError(
        "too-many-snapshots",
        `simulations hold ${this.openSnapshots} different block heights open, more than maxOpenSnapshots allows`,
        { open: this.openSnapshots, maxOpenSnapshots: this.limits.maxOpenSnapshots },
        "Look for chaincode invocations that take very long.",
      );
    }
    const reader = this.#idle.pop() ?? new Reader(
      new Database(this.file, {
        readOnly: true,
        cacheKiB: this.limits.readerCacheKiB,
        lockTimeoutMs: this.limits.lockTimeoutMs,
      }),
      this.limits,
    );
    try {
      reader.pin();
    } catch (cause) {
      reader.close();
      throw cause;
    }
    return reader;
  }

  #retire(reader: Reader): void {
    if (!this.#older.delete(reader)) return;
    this.#park(reader);
  }

  #park(reader: Reader): void {
    reader.unpin();
    if (this.#idle.length < this.limits.maxIdleSnapshots) this.#idle.push(reader);
    else reader.close();
  }
}
