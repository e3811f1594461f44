/** The engine's output streams: frames of stdout and stderr, each behind eight bytes of header. */
import { concat } from "../../base/bytes.ts";

/** Takes frames apart as they come. */
export class FrameSplitter {
  #rest: Uint8Array = new Uint8Array(0);

  constructor(private readonly onFrame: (stream: "stdout" | "stderr", bytes: Uint8Array) => void) {}

  push(bytes: Uint8Array): void {
    let data = this.#rest.length === 0 ? bytes : concat(this.#rest, bytes);
    while (data.length >= 8) {
      const length = new DataView(data.buffer, data.byteOffset).getUint32(4);
      // Frames are read piece by piece, so that a long one is not collected in memory.
      const available = Math.min(length, data.length - 8);
      this.#emit(data[0], data.subarray(8, 8 + available));
      if (available < length) {
        const header = new Uint8Array(8);
        header[0] = data[0];
        new DataView(header.buffer).setUint32(4, length - available);
        data = header;
        break;
      }
      data = data.subarray(8 + length);
    }
    this.#rest = new Uint8Array(data);
  }

  #emit(stream: number, bytes: Uint8Array): void {
    if (bytes.length > 0) this.onFrame(stream === 2 ? "stderr" : "stdout", bytes);
  }
}
