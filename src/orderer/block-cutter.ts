/** Groups messages into batches by count and bytes. Mirrors orderer/common/blockcutter. */
import type { Envelope } from "../gen/common/common_pb.ts";

/** BatchSize of the channel configuration in force. */
export interface BatchLimits {
  readonly maxMessageCount: number;
  readonly preferredMaxBytes: number;
}

export type Batch = Envelope[];

/** A message's size as Fabric counts it: without the few bytes of field prefixes. */
export function messageBytes(message: Envelope): number {
  return message.payload.length + message.signature.length;
}

export class BlockCutter {
  #pending: Batch = [];
  #pendingBytes = 0;

  constructor(readonly limits: () => BatchLimits) {}

  /** Messages waiting for their batch. */
  get pending(): number {
    return this.#pending.length;
  }

  /** Takes one message; gives the batches (at most two) that it completed. */
  ordered(message: Envelope): Batch[] {
    const { maxMessageCount, preferredMaxBytes } = this.limits();
    const bytes = messageBytes(message);
    const batches: Batch[] = [];
    if (bytes > preferredMaxBytes) {
      if (this.#pending.length > 0) batches.push(this.cut());
      batches.push([message]);
      return batches;
    }
    if (this.#pendingBytes + bytes > preferredMaxBytes) batches.push(this.cut());
    this.#pending.push(message);
    this.#pendingBytes += bytes;
    if (this.#pending.length >= maxMessageCount) batches.push(this.cut());
    return batches;
  }

  /** The messages waiting, as a batch; a new one begins. */
  cut(): Batch {
    const batch = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    return batch;
  }
}
