/**
 * Waiting for transactions to be committed. Mirrors internal/pkg/gateway/commit of Fabric 2.5; there
 * is one listener for each ledger, whatever the number of callers.
 */
import { DenimError } from "../base/errors.ts";
import type { CommittedBlock } from "../ledger/types.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import type { GatewayLedger } from "./types.ts";

export interface CommitOutcome {
  readonly blockNumber: bigint;
  /** A TxValidationCode. */
  readonly code: number;
}

interface Waiter {
  resolve(outcome: CommitOutcome): void;
  reject(error: unknown): void;
}

interface Watched {
  readonly byTxId: Map<string, Set<Waiter>>;
  readonly stop: () => void;
}

export class CommitNotifier {
  readonly #ledgers = new Map<GatewayLedger, Watched>();
  #closed = false;

  /** Calls that wait now. */
  get waiting(): number {
    let count = 0;
    for (const { byTxId } of this.#ledgers.values()) {
      for (const waiters of byTxId.values()) count += waiters.size;
    }
    return count;
  }

  /**
   * The outcome of a transaction, at once where it is committed.
   * @throws the signal's reason when it aborts; RpcError UNAVAILABLE when the peer stops
   */
  async outcome(ledger: GatewayLedger, txId: string, signal: AbortSignal): Promise<CommitOutcome> {
    // Commits are synchronous: nothing can come between this look and the registration below.
    const known = committed(ledger, txId);
    if (known) return known;
    signal.throwIfAborted();
    if (this.#closed) throw stopping();
    const { byTxId } = this.#watched(ledger);
    let waiter: Waiter | undefined;
    let ended: (() => void) | undefined;
    try {
      return await new Promise<CommitOutcome>((resolve, reject) => {
        waiter = { resolve, reject };
        const waiters = byTxId.get(txId);
        if (waiters) waiters.add(waiter);
        else byTxId.set(txId, new Set([waiter]));
        ended = () => reject(signal.reason);
        signal.addEventListener("abort", ended, { once: true });
      });
    } finally {
      if (ended) signal.removeEventListener("abort", ended);
      const waiters = byTxId.get(txId);
      if (waiter) waiters?.delete(waiter);
      if (waiters?.size === 0) byTxId.delete(txId);
    }
  }

  #watched(ledger: GatewayLedger): Watched {
    let watched = this.#ledgers.get(ledger);
    if (!watched) {
      const byTxId = new Map<string, Set<Waiter>>();
      watched = { byTxId, stop: ledger.onCommit((block) => notify(byTxId, block)) };
      this.#ledgers.set(ledger, watched);
    }
    return watched;
  }

  /** Ends all waiting. */
  close(): void {
    this.#closed = true;
    for (const { byTxId, stop } of this.#ledgers.values()) {
      stop();
      for (const waiters of byTxId.values()) {
        for (const waiter of waiters) waiter.reject(stopping());
      }
    }
    this.#ledgers.clear();
  }
}

function notify(byTxId: ReadonlyMap<string, ReadonlySet<Waiter>>, block: CommittedBlock): void {
  if (byTxId.size === 0) return;
  for (const [i, txId] of block.txIds.entries()) {
    const waiters = byTxId.get(txId);
    // A second transaction of the same id never counts: the first one was told and taken out.
    for (const waiter of waiters ?? []) {
      waiter.resolve({ blockNumber: BigInt(block.number), code: block.flags[i] });
    }
  }
}

function committed(ledger: GatewayLedger, txId: string): CommitOutcome | undefined {
  if (txId === "" || !ledger.hasTransaction(txId)) return undefined;
  try {
    const { validationCode: code } = ledger.transactionById(txId);
    return { code, blockNumber: ledger.blockByTxId(txId).header?.number ?? 0n };
  } catch (error) {
    if (error instanceof DenimError && error.code === "not-found") return undefined;
    throw error;
  }
}

function stopping(): RpcError {
  return new RpcError(GrpcStatus.UNAVAILABLE, "the peer is stopping");
}
