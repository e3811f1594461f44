/** Cuts the bytes of a connection into HTTP/2 frames. */
import { concat } from "../../base/bytes.ts";
import { ConnectionError, ErrorCode, frameHeaderBytes } from "./protocol.ts";

/** The payload is a view of what was received. */
export type FrameListener = (
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array,
) => void;

export class FrameSplitter {
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** Bytes without which there is no next frame. */
  #needed = frameHeaderBytes;

  constructor(readonly maxFrameBytes: number, readonly onFrame: FrameListener) {}

  /** @throws ConnectionError FRAME_SIZE_ERROR, and whatever the listener throws */
  push(chunk: Uint8Array): void {
    let bytes = chunk;
    if (this.#heldBytes > 0) {
      this.#held.push(chunk);
      this.#heldBytes += chunk.length;
      if (this.#heldBytes < this.#needed) return;
      bytes = concat(...this.#held);
      this.#held = [];
      this.#heldBytes = 0;
    }
    const rest = this.#split(bytes);
    if (rest < bytes.length) {
      this.#held.push(rest === 0 ? bytes : bytes.subarray(rest));
      this.#heldBytes = bytes.length - rest;
    }
  }

  /** @returns where the first incomplete frame begins */
  #split(bytes: Uint8Array): number {
    let at = 0;
    for (;;) {
      const available = bytes.length - at;
      if (available < frameHeaderBytes) {
        this.#needed = frameHeaderBytes;
        return at;
      }
      const length = bytes[at] << 16 | bytes[at + 1] << 8 | bytes[at + 2];
      if (length > this.maxFrameBytes) {
        throw new ConnectionError(
          ErrorCode.FRAME_SIZE_ERROR,
          `frame of ${length} bytes, at most ${this.maxFrameBytes} are taken`,
        );
      }
      const end = frameHeaderBytes + length;
      if (available < end) {
        this.#needed = end;
        return at;
      }
      const type = bytes[at + 3];
      const flags = bytes[at + 4];
      const streamId = uint31(bytes, at + 5);
      const payload = bytes.subarray(at + frameHeaderBytes, at + end);
      at += end;
      this.onFrame(type, flags, streamId, payload);
    }
  }
}

/** Four bytes whose first bit is reserved. */
export function uint31(bytes: Uint8Array, at: number): number {
  return (bytes[at] & 0x7f) * 2 ** 24 + (bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]);
}

export function uint32(bytes: Uint8Array, at: number): number {
  return bytes[at] * 2 ** 24 + (bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]);
}
