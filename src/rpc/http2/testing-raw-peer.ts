/** The other side of an HTTP/2 connection, frame by frame, for tests of what it may do wrong. */
import net from "node:net";
import { until } from "../../../tests/support/until.ts";
import { concat, text } from "../../base/bytes.ts";
import { Http2Connection } from "./connection.ts";
import { FrameSplitter, uint31, uint32 } from "./frame-splitter.ts";
import { encodeHeaders } from "./hpack-encoder.ts";
import { clientPreface, Flag, frameHeaderBytes, FrameType, maxMaxFrameBytes } from "./protocol.ts";

export interface SeenFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

export const request = encodeHeaders([
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/test"],
]);

export function frame(type: number, flags: number, streamId: number, payload: Uint8Array) {
  const bytes = new Uint8Array(frameHeaderBytes + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length << 8 | type);
  bytes[4] = flags;
  view.setUint32(5, streamId);
  bytes.set(payload, frameHeaderBytes);
  return bytes;
}

export function bytes32(...values: number[]): Uint8Array {
  return concat(
    ...values.map((value) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)),
  );
}

export const settings = (...pairs: [id: number, value: number][]) =>
  frame(
    FrameType.settings,
    0,
    0,
    concat(...pairs.map(([id, value]) => concat(Uint8Array.of(0, id), bytes32(value)))),
  );

export class RawPeer {
  readonly frames: SeenFrame[] = [];
  ended = false;
  readonly #splitter = new FrameSplitter(
    maxMaxFrameBytes,
    (type, flags, streamId, payload) => this.frames.push({ type, flags, streamId, payload }),
  );

  constructor(readonly socket: net.Socket) {
    socket.on("data", (chunk: Uint8Array) => this.#splitter.push(chunk));
    socket.on("error", () => {});
    socket.on("close", () => this.ended = true);
  }

  send(...frames: Uint8Array[]): void {
    this.socket.write(concat(...frames));
  }

  /** Preface and SETTINGS. */
  greet(...pairs: [id: number, value: number][]): void {
    this.send(clientPreface, settings(...pairs));
  }

  seen(type: number, streamId?: number): SeenFrame[] {
    return this.frames.filter((f) =>
      f.type === type && (streamId === undefined || f.streamId === streamId)
    );
  }

  /** Waits for the frame. */
  async expect(type: number, streamId?: number): Promise<SeenFrame> {
    return await until(`frame ${type}`, () => this.seen(type, streamId).at(-1));
  }

  async expectGoaway(): Promise<{ code: number; lastStream: number; reason: string }> {
    const { payload } = await this.expect(FrameType.goaway);
    return {
      lastStream: uint31(payload, 0),
      code: uint32(payload, 4),
      reason: text(payload.subarray(8)),
    };
  }

  async expectReset(streamId: number): Promise<number> {
    return uint32((await this.expect(FrameType.rstStream, streamId)).payload, 0);
  }

  /** Works on: a ping is answered. */
  async expectAlive(): Promise<void> {
    const before = this.seen(FrameType.ping).length;
    this.send(frame(FrameType.ping, 0, 0, new Uint8Array(8)));
    await until("an answer to a ping", () => this.seen(FrameType.ping).length > before);
  }
}

/** An HTTP/2 server that answers what was asked, or does not read it at `/unread`. */
export interface EchoServer {
  readonly connections: Http2Connection[];
  /** Ends of streams. */
  readonly ends: unknown[];
  connect(): Promise<RawPeer>;
}

export const testLimits = {
  maxConcurrentStreams: 5,
  streamWindowBytes: 100_000,
  connectionWindowBytes: 300_000,
  maxFrameBytes: 16_384,
};

export async function withEchoServer(run: (server: EchoServer) => Promise<void>): Promise<void> {
  const connections: Http2Connection[] = [];
  const ends: unknown[] = [];
  const server = net.createServer((socket) => {
    connections.push(
      new Http2Connection(socket, {
        role: "server",
        limits: testLimits,
        events: {
          stream: (stream, headers) => {
            if (headers[":path"] === "/unread") stream.pause();
            stream.sendHeaders(encodeHeaders([[":status", "200"]]));
            stream.events = {
              data: (bytes) => void stream.write(bytes),
              end: () => stream.end(encodeHeaders([["echo", "done"]])),
              closed: (end) => ends.push(end),
            };
          },
        },
      }),
    );
  });
  const peers: RawPeer[] = [];
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  try {
    await run({
      connections,
      ends,
      connect: async () => {
        const socket = net.connect(port, "127.0.0.1");
        await new Promise((resolve) => socket.once("connect", resolve));
        const peer = new RawPeer(socket);
        peers.push(peer);
        return peer;
      },
    });
  } finally {
    for (const { socket } of peers) socket.destroy();
    for (const connection of connections) connection.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

export { Flag, FrameType };
