/**
 * One HTTP/2 connection of either role (RFC 9113), with what gRPC uses of it: no push, no priorities.
 * It owns its socket. Nothing that the other side sends throws out of here.
 */
import type { Socket } from "node:net";
import { messageOf } from "../../base/errors.ts";
import { FrameWriter } from "./frame-writer.ts";
import { type Headers, requestHeaders, responseHeaders, trailers } from "./headers.ts";
import type { HeaderField } from "./hpack-decoder.ts";
import { Incoming, type IncomingEvents, protocol } from "./incoming.ts";
import { Flusher, Output } from "./output.ts";
import { PeerSettings } from "./peer-settings.ts";
import {
  ConnectionError,
  ErrorCode,
  initialWindowBytes,
  maxWindowBytes,
  StreamError,
} from "./protocol.ts";
import { ReceiveWindow } from "./receive-window.ts";
import { ResetBudget } from "./reset-budget.ts";
import { Http2Stream, maxQueuedBytes, type StreamEnd, type StreamOwner } from "./stream.ts";
import { StreamTable } from "./stream-table.ts";

export interface ConnectionLimits {
  readonly maxConcurrentStreams: number;
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly maxFrameBytes: number;
}

export interface ConnectionEvents {
  /** A server's: a request. Sets the stream's `events` before it returns. */
  stream?(stream: Http2Stream, headers: Headers): void;
  /** The other side has spoken HTTP/2. */
  settings?(): void;
  /** The other side wants no new streams. */
  goaway?(): void;
  /** One stream more may be open. */
  slot?(): void;
  /** Once, last, after the ends of all streams; with the reason where it did not end in good order. */
  closed?(error: Error | undefined): void;
}

export interface ConnectionOptions {
  readonly role: "server" | "client";
  readonly limits: ConnectionLimits;
  readonly events: ConnectionEvents;
  /** Default: its own. */
  readonly flusher?: Flusher;
}

/** Of the other side's words why it ends a connection. */
const maxToldCharacters = 200;
/** Time in which a connection that has ended may still write what it had to say. */
const lastWritesMs = 1_000;

export class Http2Connection implements StreamOwner, IncomingEvents {
  readonly receiveWindowBytes: number;
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #output: Output;
  readonly #writer: FrameWriter;
  readonly #incoming: Incoming;
  readonly #peer = new PeerSettings();
  readonly #streams: StreamTable;
  /** Streams with data that windows or the socket hold back. */
  readonly #waiting = new Set<Http2Stream>();
  readonly #pings: (() => void)[] = [];
  readonly #resets = new ResetBudget();
  #sendWindow = initialWindowBytes;
  readonly #receiveWindow: ReceiveWindow;
  #closing = false;
  #destroyed = false;
  #over = false;
  #failure: Error | undefined;

  constructor(socket: Socket, options: ConnectionOptions) {
    const { limits, role } = options;
    this.#socket = socket;
    this.#options = options;
    this.#streams = new StreamTable(role);
    this.receiveWindowBytes = limits.streamWindowBytes;
    this.#receiveWindow = new ReceiveWindow(limits.connectionWindowBytes);
    this.#incoming = new Incoming(role, limits.maxFrameBytes, this);
    this.#output = new Output(socket, options.flusher ?? new Flusher(), {
      room: () => this.#pumpWaiting(),
      overflow: () => this.destroy(new Error("the other side takes no answers")),
    });
    this.#writer = new FrameWriter(this.#output);
    socket.on("data", (chunk: Uint8Array) => this.#received(chunk));
    socket.on("error", (error: Error) => this.destroy(error));
    socket.on("end", () => this.destroy());
    socket.on("close", () => {
      this.destroy();
      this.#settle();
    });
    this.#writer.greet(role, limits);
    const more = limits.connectionWindowBytes - initialWindowBytes;
    if (more > 0) this.#writer.windowUpdate(0, more);
  }

  /** No new streams from either side. */
  get closed(): boolean {
    return this.#closing || this.#destroyed;
  }

  get destroyed(): boolean {
    return this.#destroyed;
  }

  /** Why it was destroyed, where it did not end in good order. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** A client's: how many streams may be opened now. */
  get freeStreams(): number {
    return this.closed || this.#streams.exhausted
      ? 0
      : this.#peer.maxConcurrentStreams - this.#streams.size;
  }

  /** A client's new stream. @param block the request's headers in HPACK */
  request(block: Uint8Array, events: Http2Stream["events"]): Http2Stream {
    const id = this.#streams.nextId();
    const stream = new Http2Stream(id, this, this.#peer.initialWindowBytes);
    this.#streams.add(stream);
    stream.events = events;
    stream.sendHeaders(block);
    return stream;
  }

  /** `answered` is called when the other side has answered. */
  ping(answered: () => void): void {
    if (this.#destroyed) return;
    this.#pings.push(answered);
    this.#writer.ping();
  }

  /** Takes no new streams, ends after the last one. */
  close(): void {
    if (this.closed) return;
    this.#closing = true;
    this.#writer.goaway(this.#streams.lastPeerStream, ErrorCode.NO_ERROR, "");
    if (this.#streams.size === 0) this.destroy();
  }

  /** Ends the connection and its streams at once; what was written before is still sent. */
  destroy(error?: Error): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#failure ??= error;
    this.#incoming.stop();
    if (error instanceof ConnectionError) {
      this.#writer.goaway(this.#streams.lastPeerStream, error.code, error.message);
    } else if (this.#options.role === "server" && !this.#closing) {
      this.#writer.goaway(this.#streams.lastPeerStream, ErrorCode.NO_ERROR, "");
    }
    this.#output.end();
    const socket = this.#socket;
    if (!socket.destroyed) {
      const timer = setTimeout(() => socket.destroy(), lastWritesMs);
      socket.once("close", () => clearTimeout(timer));
    }
    for (const stream of this.#streams.all()) this.#closeStream(stream, "lost");
    if (socket.destroyed) this.#settle();
  }

  #settle(): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.events.closed?.(this.#failure);
  }

  // What streams ask for.

  sendHeaders(stream: Http2Stream, block: Uint8Array, endStream: boolean): void {
    this.#writer.headers(stream.id, block, endStream, this.#peer.maxFrameBytes);
    if (endStream) this.#endLocal(stream);
  }

  pump(stream: Http2Stream): void {
    const { queue } = stream;
    while (queue.length > 0) {
      const allowed = Math.min(stream.sendWindow, this.#sendWindow, this.#peer.maxFrameBytes);
      if (allowed <= 0 || !this.#output.hasRoom) {
        this.#waiting.add(stream);
        return;
      }
      const bytes = stream.take(allowed);
      this.#sendWindow -= bytes.length;
      const last = queue.length === 0 && stream.trailers?.length === 0;
      this.#writer.data(stream.id, bytes, last);
      if (last) return this.#endLocal(stream);
    }
    this.#waiting.delete(stream);
    const block = stream.trailers;
    if (block === undefined || stream.localEnded) return;
    if (block.length > 0) return this.sendHeaders(stream, block, true);
    this.#writer.data(stream.id, block, true);
    this.#endLocal(stream);
  }

  reset(stream: Http2Stream, code: ErrorCode): void {
    this.#writer.reset(stream.id, code);
    if (!stream.remoteEnded) this.#streams.rememberCut(stream.id);
    this.#closeStream(stream, code);
  }

  credit(stream: Http2Stream, bytes: number): void {
    this.#creditConnection(bytes);
    if (stream.closed || stream.remoteEnded) return;
    const announced = stream.receiveWindow.use(bytes);
    if (announced > 0) this.#writer.windowUpdate(stream.id, announced);
  }

  #creditConnection(bytes: number): void {
    const announced = this.#receiveWindow.use(bytes);
    if (announced > 0) this.#writer.windowUpdate(0, announced);
  }

  #pumpWaiting(): void {
    for (const stream of [...this.#waiting]) {
      if (!this.#output.hasRoom || this.#sendWindow <= 0) return;
      // To the end of the line, so that all get their turn.
      this.#waiting.delete(stream);
      this.#pumpAgain(stream);
    }
  }

  #pumpAgain(stream: Http2Stream): void {
    this.pump(stream);
    if (!stream.wantsRoom || stream.queuedBytes > maxQueuedBytes) return;
    stream.wantsRoom = false;
    stream.events?.room?.();
  }

  // What the other side sends.

  #received(chunk: Uint8Array): void {
    if (this.#destroyed) return;
    try {
      this.#incoming.push(plain(chunk));
    } catch (error) {
      this.destroy(
        error instanceof ConnectionError
          ? error
          : new ConnectionError(ErrorCode.INTERNAL_ERROR, messageOf(error)),
      );
    }
  }

  data(streamId: number, data: Uint8Array, flowBytes: number, endStream: boolean): void {
    if (!this.#receiveWindow.take(flowBytes)) {
      throw new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the window allows");
    }
    const stream = this.#streams.get(streamId);
    if (stream === undefined || stream.remoteEnded) {
      this.#creditConnection(flowBytes);
      if (stream === undefined) return this.#lateData(streamId);
      throw new StreamError(streamId, ErrorCode.STREAM_CLOSED, "DATA after the end");
    }
    if (!stream.receiveWindow.take(flowBytes)) {
      throw new StreamError(streamId, ErrorCode.FLOW_CONTROL_ERROR, "DATA beyond the window");
    }
    stream.received(data, flowBytes);
    if (endStream) this.#endRemote(stream);
  }

  headers(streamId: number, fields: readonly HeaderField[] | undefined, endStream: boolean): void {
    let stream = this.#streams.get(streamId);
    if (stream !== undefined) this.#laterHeaders(stream, wanted(streamId, fields), endStream);
    else {
      stream = this.#newStream(streamId, fields);
      if (stream === undefined) return;
    }
    if (endStream) this.#endRemote(stream);
  }

  /** A request; undefined where there is nothing to be done about these headers. */
  #newStream(
    streamId: number,
    fields: readonly HeaderField[] | undefined,
  ): Http2Stream | undefined {
    if (this.#options.role === "client" || streamId <= this.#streams.lastPeerStream) {
      if (this.#streams.isIdle(streamId)) throw protocol("an answer to nothing");
      if (this.#streams.wasCut(streamId)) return undefined;
      throw new ConnectionError(ErrorCode.STREAM_CLOSED, "HEADERS of a closed stream");
    }
    if (streamId % 2 === 0) throw protocol(`a client's stream ${streamId}`);
    this.#streams.lastPeerStream = streamId;
    if (this.#closing || this.#streams.size >= this.#options.limits.maxConcurrentStreams) {
      throw new StreamError(streamId, ErrorCode.REFUSED_STREAM, "no more streams");
    }
    const headers = requestHeaders(streamId, wanted(streamId, fields));
    const stream = new Http2Stream(streamId, this, this.#peer.initialWindowBytes);
    stream.headersReceived = true;
    this.#streams.add(stream);
    this.#options.events.stream?.(stream, headers);
    return stream;
  }

  #laterHeaders(stream: Http2Stream, fields: readonly HeaderField[], endStream: boolean): void {
    const { id } = stream;
    if (stream.remoteEnded) {
      throw new StreamError(id, ErrorCode.STREAM_CLOSED, "HEADERS after the end");
    }
    if (!stream.headersReceived) {
      const headers = responseHeaders(id, fields);
      // 100 to 199 come before the answer.
      if (headers[":status"]?.startsWith("1")) return;
      stream.headersReceived = true;
      return stream.events?.answer?.(headers);
    }
    if (!endStream) {
      throw new StreamError(id, ErrorCode.PROTOCOL_ERROR, "trailers that are not the end");
    }
    stream.events?.trailers?.(trailers(id, fields));
  }

  #lateData(streamId: number): void {
    if (this.#streams.isIdle(streamId)) throw protocol("DATA of an idle stream");
    if (this.#streams.wasCut(streamId)) return;
    throw new StreamError(streamId, ErrorCode.STREAM_CLOSED, "DATA of a closed stream");
  }

  streamReset(streamId: number, code: number): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      if (this.#streams.isIdle(streamId)) throw protocol("RST_STREAM for an idle stream");
      this.#streams.forgetCut(streamId);
      return;
    }
    this.#closeStream(stream, code);
    this.#budgetReset();
  }

  streamFailed({ streamId, code }: StreamError): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) this.#writer.reset(streamId, code);
    else this.reset(stream, code);
    this.#budgetReset();
  }

  #budgetReset(): void {
    if (this.#options.role === "client" || this.#resets.take()) return;
    throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "too many streams are reset");
  }

  settings(payload: Uint8Array): void {
    const before = this.#peer.initialWindowBytes;
    this.#peer.apply(payload);
    const more = this.#peer.initialWindowBytes - before;
    if (more !== 0) { for (const stream of this.#streams.all()) this.#widen(stream, more); }
    this.#writer.acknowledgeSettings();
    this.#options.events.settings?.();
    this.#options.events.slot?.();
    if (more > 0) this.#pumpWaiting();
  }

  pinged(payload: Uint8Array): void {
    this.#writer.answerPing(payload);
  }

  pingAnswered(): void {
    this.#pings.shift()?.();
  }

  goaway(lastStreamId: number, code: number, reason: string): void {
    this.#closing = true;
    if (code !== ErrorCode.NO_ERROR) {
      const told = reason.slice(0, maxToldCharacters);
      this.#failure ??= new Error(`the other side ended it: ${ErrorCode[code] ?? code} ${told}`);
    }
    this.#options.events.goaway?.();
    if (this.#options.role === "client") {
      for (const stream of this.#streams.all()) {
        if (stream.id > lastStreamId) this.#closeStream(stream, ErrorCode.REFUSED_STREAM);
      }
    }
    if (this.#streams.size === 0) this.destroy();
  }

  windowUpdate(streamId: number, bytes: number): void {
    if (streamId === 0) {
      this.#sendWindow += bytes;
      if (this.#sendWindow > maxWindowBytes) throw tooWide();
      return this.#pumpWaiting();
    }
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      if (this.#streams.isIdle(streamId)) throw protocol("WINDOW_UPDATE for an idle stream");
      return;
    }
    if (stream.sendWindow + bytes > maxWindowBytes) {
      throw new StreamError(streamId, ErrorCode.FLOW_CONTROL_ERROR, "a window beyond 2^31-1");
    }
    stream.sendWindow += bytes;
    if (this.#waiting.has(stream)) this.#pumpAgain(stream);
  }

  #widen(stream: Http2Stream, bytes: number): void {
    stream.sendWindow += bytes;
    if (stream.sendWindow > maxWindowBytes) throw tooWide();
  }

  // Ends of streams.

  #endLocal(stream: Http2Stream): void {
    stream.localEnded = true;
    this.#waiting.delete(stream);
    if (stream.remoteEnded) return this.#closeStream(stream, "complete");
    if (this.#options.role === "client") return;
    this.#streams.rememberCut(stream.id);
    this.#answered(stream);
  }

  /** The answer is complete: what the client has still to say is not sent, and not read. */
  #answered(stream: Http2Stream): void {
    this.#writer.reset(stream.id, ErrorCode.NO_ERROR);
    this.#closeStream(stream, "complete");
  }

  #endRemote(stream: Http2Stream): void {
    if (stream.closed || stream.remoteEnded) return;
    stream.remoteEnded = true;
    stream.events?.end();
    if (stream.closed) return;
    if (stream.localEnded) this.#closeStream(stream, "complete");
    else if (this.#options.role === "client") this.#answered(stream);
  }

  #closeStream(stream: Http2Stream, end: StreamEnd): void {
    if (stream.closed) return;
    this.#streams.delete(stream);
    this.#waiting.delete(stream);
    const unused = stream.close();
    if (!this.#destroyed) this.#creditConnection(unused);
    stream.events?.closed(end);
    if (this.#destroyed) return;
    this.#options.events.slot?.();
    if (this.#closing && this.#streams.size === 0) this.destroy();
  }
}

/** @throws StreamError for fields that were too large */
function wanted(
  streamId: number,
  fields: readonly HeaderField[] | undefined,
): readonly HeaderField[] {
  if (fields !== undefined) return fields;
  throw new StreamError(streamId, ErrorCode.ENHANCE_YOUR_CALM, "too many headers");
}

function tooWide(): ConnectionError {
  return new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "a window beyond 2^31-1");
}

/** A chunk of node:net (a Buffer) as a plain Uint8Array over the same memory. */
function plain(chunk: Uint8Array): Uint8Array {
  return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
