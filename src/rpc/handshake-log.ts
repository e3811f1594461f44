/** Failed TLS handshakes in the log: told, but a caller that tries for ever does not fill it. */
import type { Logger } from "../base/logger.ts";
import { remoteAddressOf } from "./address.ts";

/** One line of each caller in this time; what comes sooner is logged at debug level. */
const quietMs = 60_000;

/** Callers that are remembered; beyond that all are forgotten. */
const maxCallers = 1_000;

interface Caller {
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  /** The connection under a TLS socket: once a handshake has failed, only it knows the address. */
  readonly _parent?: Caller;
}

export class HandshakeLog {
  readonly #lastLine = new Map<string, number>();

  /** @param now milliseconds of a clock that does not jump */
  constructor(readonly logger: Logger, readonly now: () => number = () => performance.now()) {}

  failed(error: Error, socket: Caller | undefined): void {
    const connection = socket?._parent ?? socket ?? {};
    const caller = connection.remoteAddress ?? "";
    const now = this.now();
    const last = this.#lastLine.get(caller);
    const level = last !== undefined && now - last < quietMs ? "debug" : "warn";
    if (level === "warn") {
      if (this.#lastLine.size >= maxCallers) this.#lastLine.clear();
      this.#lastLine.set(caller, now);
    }
    this.logger[level]("TLS handshake failed", {
      error: error.message,
      remoteAddress: remoteAddressOf(connection),
    });
  }
}
