/** A service's calls at one time. Mirrors internal/peer/node/grpc_limiters.go. */
import type { Logger } from "../base/logger.ts";
import { GrpcStatus, RpcError } from "./status.ts";

export class ConcurrencyLimit {
  #running = 0;

  /**
   * @param service for the error text, `/gateway.Gateway`
   * @param max 0 = no limit
   */
  constructor(
    private readonly service: string,
    private readonly max: number,
    private readonly logger: Logger,
  ) {}

  get running(): number {
    return this.#running;
  }

  /** A unary call. @throws RpcError UNKNOWN, as Fabric answers, where the limit is reached */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#enter();
    try {
      return await work();
    } finally {
      this.#running--;
    }
  }

  /** A stream, which counts from its first message's wait to its end. @throws the same */
  async *iterate<T>(work: () => AsyncIterable<T>): AsyncGenerator<T> {
    this.#enter();
    try {
      yield* work();
    } finally {
      this.#running--;
    }
  }

  #enter(): void {
    if (this.max > 0 && this.#running >= this.max) {
      const limit = `for ${this.service}, exceeding concurrency limit (${this.max})`;
      this.logger.error(`Too many requests ${limit}`);
      throw new RpcError(GrpcStatus.UNKNOWN, `too many requests ${limit}`);
    }
    this.#running++;
  }
}
