/** What the other side may still send, of a stream or a connection (RFC 9113, section 5.2). */
export class ReceiveWindow {
  #left: number;
  /** Used, but the other side was not told yet. */
  #toAnnounce = 0;

  constructor(readonly bytes: number) {
    this.#left = bytes;
  }

  /** @returns false: more came than was allowed */
  take(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /** @returns by how much the other side is to be told that its window grows; 0: not worth a frame yet */
  use(bytes: number): number {
    this.#toAnnounce += bytes;
    if (this.#toAnnounce < this.bytes / 2) return 0;
    const announced = this.#toAnnounce;
    this.#left += announced;
    this.#toAnnounce = 0;
    return announced;
  }
}
