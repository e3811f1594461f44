/** Limits and intervals of gRPC connections. Defaults mirror core/comm/config.go of Fabric 1.4.2. */

export interface RpcLimits {
  /** Largest message either way, after framing. */
  readonly maxMessageBytes: number;
  /** Calls that one connection may have open. */
  readonly maxConcurrentStreams: number;
  /** HTTP/2 flow-control window of one call. */
  readonly streamWindowBytes: number;
  /** HTTP/2 flow-control window of one connection. */
  readonly connectionWindowBytes: number;
  /** Largest HTTP/2 frame we accept. */
  readonly maxFrameBytes: number;
  /** A connection that has not finished its TLS handshake, or then not spoken HTTP/2, by then is cut (servers). */
  readonly handshakeTimeoutMs: number;
  /**
   * A call whose other side takes no message for this long is ended (servers): a reader that has
   * gone to sleep must not hold memory for ever.
   */
  readonly sendStallTimeoutMs: number;
  /** Time between pings; 0 sends none. */
  readonly keepaliveIntervalMs: number;
  /** A ping not answered by then ends the connection. */
  readonly keepaliveTimeoutMs: number;
}

const megabyte = 1024 * 1024;

/** What a server uses where its options say nothing. */
export const defaultServerLimits: RpcLimits = {
  maxMessageBytes: 100 * megabyte,
  maxConcurrentStreams: 10_000,
  streamWindowBytes: megabyte,
  connectionWindowBytes: 16 * megabyte,
  maxFrameBytes: 256 * 1024,
  handshakeTimeoutMs: 5_000,
  sendStallTimeoutMs: 120_000,
  keepaliveIntervalMs: 2 * 60 * 60 * 1000,
  keepaliveTimeoutMs: 20_000,
};

/** What a client uses where its target says nothing. */
export const defaultClientLimits: RpcLimits = {
  ...defaultServerLimits,
  keepaliveIntervalMs: 60_000,
};

/** Messages received but not yet taken by a reader; above either, the transport is paused. */
export const maxBufferedMessages = 64;
export const maxBufferedBytes = megabyte;
