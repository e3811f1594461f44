/** From received bytes to frames whose form is right; what they mean is for the connection. */
import { concat, equal, latin1 } from "../../base/bytes.ts";
import { FrameSplitter, uint31, uint32 } from "./frame-splitter.ts";
import { type HeaderField, HpackDecoder } from "./hpack-decoder.ts";
import {
  clientPreface,
  ConnectionError,
  ErrorCode,
  Flag,
  FrameType,
  StreamError,
} from "./protocol.ts";

/** Header lists, and the blocks they come in, are smaller. Announced in SETTINGS. */
export const maxHeaderListBytes = 64 * 1024;

/** May throw StreamError and ConnectionError. */
export interface IncomingEvents {
  /** @param flowBytes what counts against the windows: the data and its padding */
  data(streamId: number, data: Uint8Array, flowBytes: number, endStream: boolean): void;
  /** @param fields undefined: they are larger than `maxHeaderListBytes` */
  headers(streamId: number, fields: readonly HeaderField[] | undefined, endStream: boolean): void;
  streamReset(streamId: number, code: number): void;
  /** Not the acknowledgement of ours. */
  settings(payload: Uint8Array): void;
  pinged(payload: Uint8Array): void;
  pingAnswered(): void;
  goaway(lastStreamId: number, code: number, reason: string): void;
  windowUpdate(streamId: number, bytes: number): void;
  streamFailed(error: StreamError): void;
}

export class Incoming {
  readonly #events: IncomingEvents;
  readonly #splitter: FrameSplitter;
  readonly #hpack = new HpackDecoder();
  /** What is still to come of a client's preface. */
  #preface: Uint8Array;
  #settingsReceived = false;
  /** A header block whose CONTINUATION is to come. */
  #block: { streamId: number; endStream: boolean; parts: Uint8Array[]; bytes: number } | undefined;
  #stopped = false;

  constructor(role: "server" | "client", maxFrameBytes: number, events: IncomingEvents) {
    this.#events = events;
    this.#preface = role === "server" ? clientPreface : clientPreface.subarray(0, 0);
    this.#splitter = new FrameSplitter(maxFrameBytes, this.#frame);
  }

  /** @throws ConnectionError */
  push(chunk: Uint8Array): void {
    this.#splitter.push(this.#preface.length > 0 ? this.#readPreface(chunk) : chunk);
  }

  /** Ignores what else was received. */
  stop(): void {
    this.#stopped = true;
  }

  #readPreface(bytes: Uint8Array): Uint8Array {
    const length = Math.min(bytes.length, this.#preface.length);
    if (!equal(bytes.subarray(0, length), this.#preface.subarray(0, length))) {
      throw protocol("the client does not speak HTTP/2");
    }
    this.#preface = this.#preface.subarray(length);
    return bytes.subarray(length);
  }

  readonly #frame = (type: number, flags: number, streamId: number, payload: Uint8Array): void => {
    if (this.#stopped) return;
    if (!this.#settingsReceived && type !== FrameType.settings) throw protocol("no SETTINGS first");
    if (this.#block !== undefined && type !== FrameType.continuation) {
      throw protocol("a header block was interrupted");
    }
    try {
      this.#read(type, flags, streamId, payload);
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      this.#events.streamFailed(error);
    }
  };

  #read(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    const events = this.#events;
    switch (type) {
      case FrameType.data:
        if (streamId === 0) throw protocol("DATA without a stream");
        return events.data(
          streamId,
          unpadded(flags, payload),
          payload.length,
          (flags & Flag.endStream) !== 0,
        );
      case FrameType.headers:
        return this.#headers(flags, streamId, payload);
      case FrameType.continuation:
        return this.#continuation(flags, streamId, payload);
      case FrameType.priority:
        return readPriority(streamId, payload);
      case FrameType.rstStream:
        if (streamId === 0) throw protocol("RST_STREAM without a stream");
        wantLength("RST_STREAM", payload, 4);
        return events.streamReset(streamId, uint32(payload, 0));
      case FrameType.settings:
        return this.#settings(flags, streamId, payload);
      case FrameType.pushPromise:
        throw protocol("PUSH_PROMISE, which is switched off");
      case FrameType.ping:
        if (streamId !== 0) throw protocol("PING of a stream");
        wantLength("PING", payload, 8);
        return flags & Flag.ack ? events.pingAnswered() : events.pinged(payload);
      case FrameType.goaway:
        if (streamId !== 0) throw protocol("GOAWAY of a stream");
        if (payload.length < 8) throw frameSize("GOAWAY");
        return events.goaway(uint31(payload, 0), uint32(payload, 4), latin1(payload.subarray(8)));
      case FrameType.windowUpdate:
        return this.#windowUpdate(streamId, payload);
    }
    // Types that nobody knows are to be ignored.
  }

  #headers(flags: number, streamId: number, payload: Uint8Array): void {
    if (streamId === 0) throw protocol("HEADERS without a stream");
    let fragment = unpadded(flags, payload);
    if (flags & Flag.priority) {
      if (fragment.length < priorityBytes) throw frameSize("HEADERS");
      if (uint31(fragment, 0) === streamId) throw protocol("a stream that depends on itself");
      fragment = fragment.subarray(priorityBytes);
    }
    const endStream = (flags & Flag.endStream) !== 0;
    if (flags & Flag.endHeaders) return this.#headerBlock(streamId, fragment, endStream);
    this.#block = { streamId, endStream, parts: [fragment], bytes: fragment.length };
  }

  #continuation(flags: number, streamId: number, payload: Uint8Array): void {
    const block = this.#block;
    if (block === undefined || block.streamId !== streamId) throw protocol("a lost CONTINUATION");
    block.parts.push(payload);
    block.bytes += payload.length + partOverheadBytes;
    if (block.bytes > maxHeaderListBytes) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "a header block without end");
    }
    if ((flags & Flag.endHeaders) === 0) return;
    this.#block = undefined;
    this.#headerBlock(streamId, concat(...block.parts), block.endStream);
  }

  #headerBlock(streamId: number, block: Uint8Array, endStream: boolean): void {
    // Also where nobody wants them: later blocks refer to what this one puts into the table.
    const { fields, tooLarge } = this.#hpack.decode(block, maxHeaderListBytes);
    this.#events.headers(streamId, tooLarge ? undefined : fields, endStream);
  }

  #settings(flags: number, streamId: number, payload: Uint8Array): void {
    if (streamId !== 0) throw protocol("SETTINGS of a stream");
    if (flags & Flag.ack) return wantLength("acknowledged SETTINGS", payload, 0);
    this.#events.settings(payload);
    this.#settingsReceived = true;
  }

  #windowUpdate(streamId: number, payload: Uint8Array): void {
    wantLength("WINDOW_UPDATE", payload, 4);
    const bytes = uint31(payload, 0);
    if (bytes === 0) {
      if (streamId === 0) throw protocol("WINDOW_UPDATE of nothing");
      throw new StreamError(streamId, ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of nothing");
    }
    this.#events.windowUpdate(streamId, bytes);
  }
}

/** What a part of a header block counts beyond its bytes: empty ones must not come for ever. */
const partOverheadBytes = 64;
const priorityBytes = 5;

/** Checked, and of no consequence. */
function readPriority(streamId: number, payload: Uint8Array): void {
  if (streamId === 0) throw protocol("PRIORITY without a stream");
  if (payload.length !== priorityBytes) {
    throw new StreamError(streamId, ErrorCode.FRAME_SIZE_ERROR, "PRIORITY of a wrong length");
  }
  if (uint31(payload, 0) === streamId) {
    throw new StreamError(streamId, ErrorCode.PROTOCOL_ERROR, "a stream that depends on itself");
  }
}

function unpadded(flags: number, payload: Uint8Array): Uint8Array {
  if ((flags & Flag.padded) === 0) return payload;
  if (payload.length === 0 || payload[0] >= payload.length) {
    throw protocol("padding longer than its frame");
  }
  return payload.subarray(1, payload.length - payload[0]);
}

function wantLength(what: string, payload: Uint8Array, length: number): void {
  if (payload.length !== length) throw frameSize(what);
}

/** The other side does what HTTP/2 forbids. */
export function protocol(reason: string): ConnectionError {
  return new ConnectionError(ErrorCode.PROTOCOL_ERROR, reason);
}

function frameSize(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, `${what} of a wrong length`);
}
