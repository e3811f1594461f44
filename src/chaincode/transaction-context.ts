/**
 * What one transaction holds while one chaincode executes it: its simulator, its open iterators
 * and the place where its answer arrives. Mirrors core/chaincode/transaction_context.go and
 * transaction_contexts.go.
 */
import { Deferred } from "../base/async.ts";
import { DenimError } from "../base/errors.ts";
import type { ChaincodeMessage } from "../gen/peer/chaincode_shim_pb.ts";
import type { ResultsIterator } from "../ledger/types.ts";
import { PendingQuery, type QueryRow } from "./pending-query.ts";
import type { TransactionParams } from "./types.ts";

/** More open iterators than this in one transaction is a runaway chaincode. */
export const maxOpenIteratorsPerTransaction = 10_000;

export class TransactionContext {
  /** The COMPLETED or ERROR message; the first one wins. Rejects when the execution is given up. */
  readonly response = new Deferred<ChaincodeMessage>();
  /** Collections whose member-only read check has passed in this execution. */
  readonly readableCollections = new Set<string>();
  /** Made when somebody asks: most executions nest nothing, and aborting is dear. */
  #ended: AbortController | undefined;
  #over = false;
  readonly #queries = new Map<string, PendingQuery>();

  constructor(readonly params: TransactionParams, readonly isInit: boolean) {}

  /** Aborts when this execution is over, however it ended; nested executions hang on it. */
  get ended(): AbortSignal {
    this.#ended ??= new AbortController();
    if (this.#over) this.#ended.abort();
    return this.#ended.signal;
  }

  /** Takes ownership of an iterator. @throws DenimError `too-many-iterators` (and closes it) */
  openQuery(id: string, iterator: ResultsIterator<QueryRow>): PendingQuery {
    if (this.#queries.size >= maxOpenIteratorsPerTransaction) {
      iterator.close();
      throw new DenimError(
        "too-many-iterators",
        `more than ${maxOpenIteratorsPerTransaction} iterators are open in transaction ${this.params.txId}`,
        { limit: maxOpenIteratorsPerTransaction },
        "Close iterators in the chaincode when they are no longer needed.",
      );
    }
    const query = new PendingQuery(id, iterator);
    this.#queries.set(id, query);
    return query;
  }

  query(id: string): PendingQuery | undefined {
    return this.#queries.get(id);
  }

  closeQuery(id: string): void {
    const query = this.#queries.get(id);
    this.#queries.delete(id);
    query?.iterator.close();
  }

  /** Drops a query whose iterator was closed by its own bookmark. */
  forgetQuery(id: string): void {
    this.#queries.delete(id);
  }

  /** Closes every iterator and wakes what waits for the end; safe to call twice. */
  end(): void {
    this.#over = true;
    this.#ended?.abort();
    for (const query of this.#queries.values()) query.iterator.close();
    this.#queries.clear();
  }
}

/** The executions of one handler, by channel and transaction id. */
export class TransactionContexts {
  readonly #contexts = new Map<string, TransactionContext>();

  get size(): number {
    return this.#contexts.size;
  }

  /**
   * @throws DenimError `transaction-exists` with Fabric's text: a chaincode that calls itself on the
   * same channel, or the same proposal sent twice at once
   */
  create(params: TransactionParams, isInit: boolean): TransactionContext {
    const key = contextKey(params.channelId, params.txId);
    if (this.#contexts.has(key)) {
      throw new DenimError(
        "transaction-exists",
        `txid: ${params.txId}(${params.channelId}) exists`,
        { txId: params.txId, channelId: params.channelId },
      );
    }
    const context = new TransactionContext(params, isInit);
    this.#contexts.set(key, context);
    return context;
  }

  get(channelId: string, txId: string): TransactionContext | undefined {
    return this.#contexts.get(contextKey(channelId, txId));
  }

  /** Ends an execution and forgets it; a later one of the same transaction stays. */
  delete(context: TransactionContext): void {
    context.end();
    const key = contextKey(context.params.channelId, context.params.txId);
    if (this.#contexts.get(key) === context) this.#contexts.delete(key);
  }

  /** Gives up all executions with this reason. */
  failAll(reason: DenimError): void {
    for (const context of this.#contexts.values()) {
      context.response.reject(reason);
      context.end();
    }
  }
}

/**
 * A key of two strings that cannot be made by another pair; Fabric joins them without a separator,
 * so that channel `a` with transaction `bc` meets channel `ab` with transaction `c`.
 */
export function contextKey(channelId: string, txId: string): string {
  return `${channelId.length}:${channelId}${txId}`;
}
