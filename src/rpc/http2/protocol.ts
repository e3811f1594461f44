/** Numbers and errors of HTTP/2 (RFC 9113), as far as gRPC needs them. */

export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const Flag = {
  /** Of DATA and HEADERS. */
  endStream: 0x1,
  /** Of SETTINGS and PING. */
  ack: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
} as const;

export enum ErrorCode {
  NO_ERROR = 0,
  PROTOCOL_ERROR = 1,
  INTERNAL_ERROR = 2,
  FLOW_CONTROL_ERROR = 3,
  SETTINGS_TIMEOUT = 4,
  STREAM_CLOSED = 5,
  FRAME_SIZE_ERROR = 6,
  REFUSED_STREAM = 7,
  CANCEL = 8,
  COMPRESSION_ERROR = 9,
  CONNECT_ERROR = 10,
  ENHANCE_YOUR_CALM = 11,
}

export const Setting = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

/** What a client sends before its first frame. */
export const clientPreface: Uint8Array = new TextEncoder().encode(
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
);

export const frameHeaderBytes = 9;
/** Of every window before SETTINGS or WINDOW_UPDATE change it. */
export const initialWindowBytes = 65_535;
export const maxWindowBytes = 2 ** 31 - 1;
/** Frame size that every peer takes, and the largest one that SETTINGS may name. */
export const minMaxFrameBytes = 16_384;
export const maxMaxFrameBytes = 2 ** 24 - 1;
export const maxStreamId = 2 ** 31 - 1;

/** The other side broke the protocol: the connection ends with GOAWAY. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";

  constructor(readonly code: ErrorCode, reason: string) {
    super(reason);
  }
}

/** One stream is wrong: it ends with RST_STREAM, the connection goes on. */
export class StreamError extends Error {
  override readonly name = "StreamError";

  constructor(readonly streamId: number, readonly code: ErrorCode, reason: string) {
    super(reason);
  }
}
