/** One HTTP/2 stream: what waits to be sent on it, and its share of flow control. */
import type { Headers } from "./headers.ts";
import type { ErrorCode } from "./protocol.ts";
import { ReceiveWindow } from "./receive-window.ts";

/** How a stream ended: as it should, with its connection, or reset by one side with a code. */
export type StreamEnd = "complete" | "lost" | ErrorCode;

/** What happens on a stream. All may be called from within calls to the stream. */
export interface StreamEvents {
  /** A client's: the first headers of the answer. */
  answer?(headers: Headers): void;
  trailers?(headers: Headers): void;
  data(bytes: Uint8Array): void;
  /** The other side has ended its half. */
  end(): void;
  /** After `write` returned false: there is room again. */
  room?(): void;
  /** Once, last. */
  closed(end: StreamEnd): void;
}

/** What a stream needs of its connection. */
export interface StreamOwner {
  readonly receiveWindowBytes: number;
  sendHeaders(stream: Http2Stream, block: Uint8Array, endStream: boolean): void;
  /** Sends what windows and socket allow. */
  pump(stream: Http2Stream): void;
  reset(stream: Http2Stream, code: ErrorCode): void;
  /** Received bytes were used: the other side may send as many more. */
  credit(stream: Http2Stream, bytes: number): void;
}

/** `write` asks for a pause while more than this waits in a stream. */
export const maxQueuedBytes = 64 * 1024;

export class Http2Stream {
  events: StreamEvents | undefined;
  /** Bytes that we may send. */
  sendWindow: number;
  readonly receiveWindow: ReceiveWindow;
  queue: Uint8Array[] = [];
  queuedBytes = 0;
  /** Undefined: the sending half stays open after the queue; empty: it ends without trailers. */
  trailers: Uint8Array | undefined;
  headersSent = false;
  headersReceived = false;
  localEnded = false;
  remoteEnded = false;
  closed = false;
  wantsRoom = false;
  #paused = false;
  #unused = 0;

  constructor(
    readonly id: number,
    private readonly owner: StreamOwner,
    sendWindow: number,
  ) {
    this.sendWindow = sendWindow;
    this.receiveWindow = new ReceiveWindow(owner.receiveWindowBytes);
  }

  /** Headers of a request or an answer. */
  sendHeaders(block: Uint8Array, endStream = false): void {
    if (this.closed || this.localEnded) return;
    this.headersSent = true;
    this.owner.sendHeaders(this, block, endStream);
  }

  /** @returns false: wait for `room` */
  write(bytes: Uint8Array): boolean {
    if (this.closed || this.localEnded || this.trailers !== undefined) return true;
    this.queue.push(bytes);
    this.queuedBytes += bytes.length;
    this.owner.pump(this);
    if (this.queuedBytes <= maxQueuedBytes) return true;
    this.wantsRoom = true;
    return false;
  }

  /** Ends our half after what was written, with trailers where there are some (an HPACK block). */
  end(trailers: Uint8Array = noTrailers): void {
    if (this.closed || this.localEnded || this.trailers !== undefined) return;
    this.trailers = trailers;
    this.owner.pump(this);
  }

  /** Writes the last bytes of our half. */
  writeLast(bytes: Uint8Array): void {
    if (this.closed || this.localEnded || this.trailers !== undefined) return;
    this.queue.push(bytes);
    this.queuedBytes += bytes.length;
    this.end();
  }

  /** Ends the stream at once; what was not sent is dropped. */
  reset(code: ErrorCode): void {
    if (!this.closed) this.owner.reset(this, code);
  }

  /** Received data counts as unused from here on, and the other side stops when its window is full. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#use();
  }

  /** Called by the connection for each DATA frame; `bytes` with padding. */
  received(payload: Uint8Array, bytes: number): void {
    this.#unused += bytes;
    if (payload.length > 0) this.events?.data(payload);
    if (!this.#paused) this.#use();
  }

  /** Takes at most `maxBytes` off the queue and the window. */
  take(maxBytes: number): Uint8Array {
    const [head] = this.queue;
    let bytes = head;
    if (head.length <= maxBytes) this.queue.shift();
    else {
      bytes = head.subarray(0, maxBytes);
      this.queue[0] = head.subarray(maxBytes);
    }
    this.queuedBytes -= bytes.length;
    this.sendWindow -= bytes.length;
    return bytes;
  }

  /** Called by the connection. @returns received bytes that nobody has used */
  close(): number {
    this.closed = true;
    this.queue = [];
    this.queuedBytes = 0;
    const bytes = this.#unused;
    this.#unused = 0;
    return bytes;
  }

  #use(): void {
    const bytes = this.#unused;
    this.#unused = 0;
    if (bytes > 0) this.owner.credit(this, bytes);
  }
}

const noTrailers = new Uint8Array(0);
