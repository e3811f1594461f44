/** Length-prefixed messages of gRPC: one flag byte, four length bytes, the message. */
import { GrpcStatus, RpcError } from "./status.ts";

const prefixBytes = 5;
const noBytes = new Uint8Array(0);

/** A message with its prefix, uncompressed. */
export function encodeFrame(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(prefixBytes + message.length);
  frame[1] = message.length >>> 24;
  frame[2] = message.length >>> 16;
  frame[3] = message.length >>> 8;
  frame[4] = message.length;
  frame.set(message, prefixBytes);
  return frame;
}

/** Puts a byte stream back together into messages. */
export class FrameReader {
  #chunks: Uint8Array[] = [];
  #available = 0;
  /** Length of the message whose prefix was read; -1 before the prefix. */
  #expected = -1;

  constructor(readonly maxMessageBytes: number) {}

  /** True when a message has begun and is not complete. */
  get partial(): boolean {
    return this.#available > 0 || this.#expected >= 0;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#available += chunk.length;
  }

  /**
   * The next whole message, as a view where it came in one piece.
   * @throws RpcError RESOURCE_EXHAUSTED above the limit, UNIMPLEMENTED for compressed messages
   */
  next(): Uint8Array | undefined {
    if (this.#expected < 0) {
      if (this.#available < prefixBytes) return undefined;
      const prefix = this.#take(prefixBytes);
      const length = ((prefix[1] << 24) | (prefix[2] << 16) | (prefix[3] << 8) | prefix[4]) >>> 0;
      if (prefix[0] !== 0) {
        throw new RpcError(
          GrpcStatus.UNIMPLEMENTED,
          "grpc: compressed messages are not supported, send with identity encoding",
          { flag: prefix[0] },
        );
      }
      if (length > this.maxMessageBytes) {
        throw new RpcError(
          GrpcStatus.RESOURCE_EXHAUSTED,
          `grpc: received message larger than max (${length} vs. ${this.maxMessageBytes})`,
          { length, maxMessageBytes: this.maxMessageBytes },
        );
      }
      this.#expected = length;
    }
    if (this.#available < this.#expected) return undefined;
    const message = this.#take(this.#expected);
    this.#expected = -1;
    return message;
  }

  #take(length: number): Uint8Array {
    if (length === 0) return noBytes;
    this.#available -= length;
    const first = this.#chunks[0];
    if (first.length > length) {
      this.#chunks[0] = first.subarray(length);
      return first.subarray(0, length);
    }
    if (first.length === length) {
      this.#chunks.shift();
      return first;
    }
    const joined = new Uint8Array(length);
    let offset = 0;
    let used = 0;
    while (offset < length) {
      const chunk = this.#chunks[used];
      const wanted = length - offset;
      if (chunk.length <= wanted) {
        joined.set(chunk, offset);
        offset += chunk.length;
        used++;
      } else {
        joined.set(chunk.subarray(0, wanted), offset);
        offset = length;
        this.#chunks[used] = chunk.subarray(wanted);
      }
    }
    this.#chunks.splice(0, used);
    return joined;
  }
}
