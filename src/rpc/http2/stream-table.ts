/** The streams of a connection: which are open, which were, which never have been. */
import { maxStreamId } from "./protocol.ts";
import type { Http2Stream } from "./stream.ts";

/** Streams remembered as ended by us. */
const maxCutStreams = 1_000;

export class StreamTable {
  readonly #open = new Map<number, Http2Stream>();
  /** Streams that we ended before the other side did: what is still on its way for them is dropped. */
  readonly #cut = new Set<number>();
  /** The highest one of the other side. */
  lastPeerStream = 0;
  /** Ours; a server opens none. */
  #next = 1;

  constructor(private readonly role: "server" | "client") {}

  get size(): number {
    return this.#open.size;
  }

  /** A client has used up its numbers. */
  get exhausted(): boolean {
    return this.#next > maxStreamId;
  }

  nextId(): number {
    const id = this.#next;
    this.#next += 2;
    return id;
  }

  get(id: number): Http2Stream | undefined {
    return this.#open.get(id);
  }

  add(stream: Http2Stream): void {
    this.#open.set(stream.id, stream);
  }

  delete(stream: Http2Stream): void {
    this.#open.delete(stream.id);
  }

  /** As they are now, so that they may end meanwhile. */
  all(): Http2Stream[] {
    return [...this.#open.values()];
  }

  /** Nobody has opened it yet. */
  isIdle(id: number): boolean {
    const ours = (id % 2 === 1) === (this.role === "client");
    return ours ? id >= this.#next : id > this.lastPeerStream;
  }

  rememberCut(id: number): void {
    this.#cut.add(id);
    if (this.#cut.size <= maxCutStreams) return;
    for (const oldest of this.#cut) {
      this.#cut.delete(oldest);
      return;
    }
  }

  wasCut(id: number): boolean {
    return this.#cut.has(id);
  }

  /** The other side has ended it, too: nothing more is on its way. */
  forgetCut(id: number): void {
    this.#cut.delete(id);
  }
}
