/** What a connection writes: frames of one turn of the event loop go to the socket as one piece. */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { setImmediate } from "node:timers";
import { frameHeaderBytes } from "./protocol.ts";

/** Payloads from this size on are handed over as they are; copying smaller ones is cheaper. */
const minUncopiedBytes = 16 * 1024;
/** Small frames are gathered in blocks: small ones at first, since most connections say little. */
const firstBlockBytes = 1024;
const maxBlockBytes = 32 * 1024;
/** DATA waits in its stream while more than this is to be written. */
const maxGatheredBytes = 256 * 1024;
/** A peer that makes us answer but takes no answer is cut at this much. */
export const maxUnsentBytes = 4 * 1024 * 1024;

export interface OutputEvents {
  /** Written, and the socket takes more. */
  room(): void;
  /** More than `maxUnsentBytes` are waiting. */
  overflow(): void;
}

/** Writes the outputs of many connections at the end of a turn of the event loop. */
export class Flusher {
  #outputs: Output[] = [];

  add(output: Output): void {
    if (this.#outputs.push(output) === 1) setImmediate(() => this.#run());
  }

  #run(): void {
    const outputs = this.#outputs;
    this.#outputs = [];
    for (const output of outputs) output.flush();
  }
}

export class Output {
  #block = Buffer.alloc(0);
  /** Of the block: what was given to the socket, what was filled. */
  #written = 0;
  #filled = 0;
  /** Pieces before the block's unwritten part. */
  #pieces: Uint8Array[] = [];
  #gatheredBytes = 0;
  #blocked = false;
  #scheduled = false;
  #ended = false;

  constructor(
    readonly socket: Socket,
    readonly flusher: Flusher,
    readonly events: OutputEvents,
  ) {
    socket.on("drain", () => {
      this.#blocked = false;
      if (this.#gatheredBytes > 0) this.flush();
      else this.events.room();
    });
  }

  /** Is this the time for more DATA? */
  get hasRoom(): boolean {
    return !this.#blocked && this.#gatheredBytes < maxGatheredBytes;
  }

  frame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    if (this.#ended) return;
    const { length } = payload;
    const copied = length < minUncopiedBytes;
    this.#reserve(frameHeaderBytes + (copied ? length : 0));
    const block = this.#block;
    let at = this.#filled;
    block[at++] = length >>> 16;
    block[at++] = length >>> 8;
    block[at++] = length;
    block[at++] = type;
    block[at++] = flags;
    block[at++] = streamId >>> 24;
    block[at++] = streamId >>> 16;
    block[at++] = streamId >>> 8;
    block[at++] = streamId;
    if (copied) {
      block.set(payload, at);
      at += length;
    }
    this.#filled = at;
    if (!copied) {
      this.#cutBlock();
      this.#pieces.push(payload);
    }
    this.#gathered(frameHeaderBytes + length);
  }

  /** Bytes outside frames: the preface. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#block.set(bytes, this.#filled);
    this.#filled += bytes.length;
    this.#gathered(bytes.length);
  }

  #gathered(bytes: number): void {
    this.#gatheredBytes += bytes;
    if (this.#blocked) {
      if (this.#gatheredBytes > maxUnsentBytes) this.events.overflow();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      this.flusher.add(this);
    }
  }

  #reserve(bytes: number): void {
    if (this.#block.length - this.#filled >= bytes) return;
    this.#cutBlock();
    const size = Math.min(maxBlockBytes, Math.max(firstBlockBytes, 2 * this.#block.length));
    this.#block = Buffer.allocUnsafe(Math.max(size, bytes));
    this.#written = 0;
    this.#filled = 0;
  }

  /** What was filled and not yet written becomes a piece. */
  #cutBlock(): void {
    if (this.#filled > this.#written) {
      this.#pieces.push(this.#block.subarray(this.#written, this.#filled));
      this.#written = this.#filled;
    }
  }

  /** Hands everything to the socket, unless that is full. */
  flush(): void {
    this.#scheduled = false;
    if (this.#blocked || this.#ended) return;
    this.#cutBlock();
    const pieces = this.#pieces;
    if (pieces.length === 0) return;
    this.#pieces = [];
    this.#gatheredBytes = 0;
    let took = true;
    for (const piece of pieces) took = this.socket.write(piece);
    this.#blocked = !took;
    if (took) this.events.room();
  }

  /** Writes what there is and ends the socket's sending side. */
  end(): void {
    if (this.#ended) return;
    this.#cutBlock();
    for (const piece of this.#pieces) this.socket.write(piece);
    this.#pieces = [];
    this.#ended = true;
    this.socket.end();
  }
}
