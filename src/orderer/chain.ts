/** Orders the messages of one channel, alone. Mirrors orderer/consensus/solo. */
import { clearImmediate, setImmediate } from "node:timers";
import type { Clock } from "../base/clock.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Envelope } from "../gen/common/common_pb.ts";
import { type Batch, type BatchLimits, BlockCutter } from "./block-cutter.ts";
import type { ProcessedConfig } from "./message-processor.ts";
import { ordererError } from "./orderer-error.ts";

/** Longest time that `cutWhenIdle` lets a batch grow while messages keep coming. */
export const maxIdleGatheringMs = 25;

/** After a block could not be stored, the next attempt. */
export const defaultStoreRetryMs = 1_000;

/** What the chain needs of its channel. */
export interface ChainSupport {
  readonly channelId: string;
  sequence(): number;
  batchLimits(): BatchLimits;
  batchTimeoutMs(): number;
  processNormal(message: Envelope): void;
  processConfig(message: Envelope): ProcessedConfig;
  /** Stores one block. @throws DenimError `not-writable` where it could not be stored; nothing has changed then */
  write(batch: Batch): void;
  /** Stores a configuration block and puts it in force. @throws as `write`, and where the message does not apply */
  writeConfig(message: Envelope): void;
}

export interface ChainOptions {
  /** Cut as soon as no message came during one turn of the event loop. */
  readonly cutWhenIdle: boolean;
  readonly storeRetryMs?: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Unwritten {
  readonly batch: Batch;
  readonly config: boolean;
}

export class SoloChain {
  readonly #cutter: BlockCutter;
  /** Cut, but not stored yet; more than for a moment only while the disk refuses. */
  readonly #unwritten: Unwritten[] = [];
  #batchTimer: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #idleCheck: ReturnType<typeof setImmediate> | undefined;
  #arrivals = 0;
  #batchStartedAt = 0;
  #halted = false;

  constructor(readonly support: ChainSupport, readonly options: ChainOptions) {
    this.#cutter = new BlockCutter(() => support.batchLimits());
  }

  /**
   * Accepts a checked message.
   * @param sequence of the configuration it was checked at; checked again where that has moved
   * @throws DenimError `not-writable`
   */
  order(message: Envelope, sequence: number): void {
    this.#requireWritable();
    if (sequence < this.support.sequence()) {
      try {
        this.support.processNormal(message);
      } catch (error) {
        this.#logDiscarded("normal", error);
        return;
      }
    }
    if (this.#cutter.pending === 0) this.#batchStartedAt = this.options.clock.now();
    this.#arrivals++;
    for (const batch of this.#cutter.ordered(message)) this.#enqueue({ batch, config: false });
    this.#flush();
    if (this.#cutter.pending > 0) this.#expectCut();
    else this.#forgetCut();
  }

  /** Accepts a configuration message; it gets a block of its own. @throws DenimError `not-writable` */
  configure(message: Envelope, sequence: number): void {
    this.#requireWritable();
    let config = message;
    if (sequence < this.support.sequence()) {
      try {
        config = this.support.processConfig(message).envelope;
      } catch (error) {
        this.#logDiscarded("config", error);
        return;
      }
    }
    this.#cut();
    this.#enqueue({ batch: [config], config: true });
    this.#flush();
  }

  /** Messages accepted but not in a block yet. */
  get pending(): number {
    return this.#cutter.pending;
  }

  /** Writes what is pending, then accepts no more. */
  halt(): void {
    if (this.#halted) return;
    this.#stopRetrying();
    this.#cut();
    this.#stopRetrying();
    this.#halted = true;
    if (this.#unwritten.length > 0) {
      this.options.logger.error("messages are lost: their blocks could not be stored", {
        channelId: this.support.channelId,
        messages: this.#unwritten.reduce((sum, { batch }) => sum + batch.length, 0),
      });
    }
  }

  #requireWritable(): void {
    if (this.#halted) throw ordererError("not-writable", "Exiting");
    if (this.#unwritten.length === 0) return;
    throw ordererError(
      "not-writable",
      `channel ${this.support.channelId} cannot store blocks now`,
      { channelId: this.support.channelId },
      "See the orderer's log: usually the disk is full.",
    );
  }

  #logDiscarded(kind: string, error: unknown): void {
    this.options.logger.warn(`discarding bad ${kind} message`, {
      channelId: this.support.channelId,
      error: messageOf(error),
    });
  }

  #expectCut(): void {
    this.#batchTimer ??= setTimeout(() => this.#cut(), this.support.batchTimeoutMs());
    if (this.options.cutWhenIdle) this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.#idleCheck) return;
    const before = this.#arrivals;
    this.#idleCheck = setImmediate(() => {
      this.#idleCheck = undefined;
      const age = this.options.clock.now() - this.#batchStartedAt;
      if (this.#arrivals === before || age >= maxIdleGatheringMs) this.#cut();
      else this.#checkIdle();
    });
  }

  #forgetCut(): void {
    clearTimeout(this.#batchTimer);
    this.#batchTimer = undefined;
    clearImmediate(this.#idleCheck);
    this.#idleCheck = undefined;
  }

  #cut(): void {
    this.#forgetCut();
    const batch = this.#cutter.cut();
    if (batch.length > 0) this.#enqueue({ batch, config: false });
    this.#flush();
  }

  #enqueue(unwritten: Unwritten): void {
    this.#unwritten.push(unwritten);
  }

  /** Stores what was cut; where that fails, tries again later and accepts nothing meanwhile. */
  #flush(): void {
    if (this.#retryTimer || this.#halted) return;
    while (this.#unwritten.length > 0) {
      const { batch, config } = this.#unwritten[0];
      try {
        if (config) this.support.writeConfig(batch[0]);
        else this.support.write(batch);
      } catch (error) {
        if (error instanceof DenimError && error.code === "not-writable") {
          return this.#retryLater(error);
        }
        this.#logDiscarded("config", error);
      }
      this.#unwritten.shift();
    }
  }

  #retryLater(error: DenimError): void {
    this.options.logger.error("a block could not be stored", {
      channelId: this.support.channelId,
      error: error.message,
    });
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.#flush();
    }, this.options.storeRetryMs ?? defaultStoreRetryMs);
  }

  #stopRetrying(): void {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
  }
}
