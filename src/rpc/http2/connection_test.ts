import assert from "node:assert/strict";
import { until } from "../../../tests/support/until.ts";
import { concat, equal, utf8 } from "../../base/bytes.ts";
import { uint32 } from "./frame-splitter.ts";
import { encodeHeaders } from "./hpack-encoder.ts";
import { maxUnsentBytes } from "./output.ts";
import { clientPreface, ErrorCode, Setting } from "./protocol.ts";
import { maxResetBurst } from "./reset-budget.ts";
import {
  bytes32,
  type EchoServer,
  Flag,
  frame,
  FrameType,
  type RawPeer,
  request,
  settings,
  testLimits,
  withEchoServer,
} from "./testing-raw-peer.ts";

const both = Flag.endHeaders | Flag.endStream;
const none = new Uint8Array(0);
const headers = (streamId: number, flags: number = Flag.endHeaders, block = request) =>
  frame(FrameType.headers, flags, streamId, block);
const data = (streamId: number, payload: Uint8Array, flags = 0) =>
  frame(FrameType.data, flags, streamId, payload);

function test(name: string, run: (peer: RawPeer, server: EchoServer) => Promise<void>): void {
  Deno.test(`HTTP/2: ${name}`, () =>
    withEchoServer(async (server) => {
      const peer = await server.connect();
      await run(peer, server);
    }));
}

/** Everything that breaks a connection, sent after preface and SETTINGS. */
const connectionErrors: readonly (readonly [what: string, code: ErrorCode, ...Uint8Array[]])[] = [
  ["DATA without a stream", ErrorCode.PROTOCOL_ERROR, data(0, none)],
  ["DATA of an idle stream", ErrorCode.PROTOCOL_ERROR, data(1, none)],
  ["HEADERS without a stream", ErrorCode.PROTOCOL_ERROR, headers(0)],
  ["HEADERS of a server's stream", ErrorCode.PROTOCOL_ERROR, headers(2)],
  [
    "HEADERS of a stream that is over",
    ErrorCode.STREAM_CLOSED,
    headers(1, both),
    headers(1, both),
  ],
  [
    "padding longer than its frame",
    ErrorCode.PROTOCOL_ERROR,
    headers(1),
    data(1, Uint8Array.of(5, 0), Flag.padded),
  ],
  [
    "a frame above the limit",
    ErrorCode.FRAME_SIZE_ERROR,
    headers(1),
    data(1, new Uint8Array(testLimits.maxFrameBytes + 1)),
  ],
  [
    "RST_STREAM of an idle stream",
    ErrorCode.PROTOCOL_ERROR,
    frame(FrameType.rstStream, 0, 1, bytes32(8)),
  ],
  ["a short RST_STREAM", ErrorCode.FRAME_SIZE_ERROR, frame(FrameType.rstStream, 0, 1, none)],
  ["SETTINGS of a stream", ErrorCode.PROTOCOL_ERROR, frame(FrameType.settings, 0, 1, none)],
  [
    "SETTINGS of a broken length",
    ErrorCode.FRAME_SIZE_ERROR,
    frame(FrameType.settings, 0, 0, new Uint8Array(5)),
  ],
  [
    "SETTINGS with a window that is none",
    ErrorCode.FLOW_CONTROL_ERROR,
    settings([Setting.initialWindowSize, 2 ** 31]),
  ],
  [
    "SETTINGS with a frame size that is none",
    ErrorCode.PROTOCOL_ERROR,
    settings([Setting.maxFrameSize, 100]),
  ],
  ["PUSH_PROMISE", ErrorCode.PROTOCOL_ERROR, frame(FrameType.pushPromise, 4, 1, bytes32(2))],
  ["a short PING", ErrorCode.FRAME_SIZE_ERROR, frame(FrameType.ping, 0, 0, bytes32(1))],
  ["PING of a stream", ErrorCode.PROTOCOL_ERROR, frame(FrameType.ping, 0, 1, new Uint8Array(8))],
  ["a short GOAWAY", ErrorCode.FRAME_SIZE_ERROR, frame(FrameType.goaway, 0, 0, none)],
  [
    "WINDOW_UPDATE of nothing",
    ErrorCode.PROTOCOL_ERROR,
    frame(FrameType.windowUpdate, 0, 0, bytes32(0)),
  ],
  [
    "a window beyond its limit",
    ErrorCode.FLOW_CONTROL_ERROR,
    frame(FrameType.windowUpdate, 0, 0, bytes32(2 ** 31 - 1)),
  ],
  [
    "a window that SETTINGS take beyond its limit",
    ErrorCode.FLOW_CONTROL_ERROR,
    headers(1),
    frame(FrameType.windowUpdate, 0, 1, bytes32(2 ** 31 - 1 - 65_535)),
    settings([Setting.initialWindowSize, 65_536]),
  ],
  [
    "a lost CONTINUATION",
    ErrorCode.PROTOCOL_ERROR,
    frame(FrameType.continuation, Flag.endHeaders, 1, request),
  ],
  [
    "a frame within a header block",
    ErrorCode.PROTOCOL_ERROR,
    headers(1, 0),
    frame(FrameType.ping, 0, 0, new Uint8Array(8)),
  ],
  [
    "a header block without end",
    ErrorCode.ENHANCE_YOUR_CALM,
    headers(1, 0),
    ...Array.from(
      { length: 5 },
      () => frame(FrameType.continuation, 0, 1, new Uint8Array(testLimits.maxFrameBytes)),
    ),
  ],
  [
    "an endless header block of empty parts",
    ErrorCode.ENHANCE_YOUR_CALM,
    headers(1, 0),
    ...Array.from({ length: 1_100 }, () => frame(FrameType.continuation, 0, 1, none)),
  ],
  ["a broken header block", ErrorCode.COMPRESSION_ERROR, headers(1, both, Uint8Array.of(0x80))],
  [
    "a stream that depends on itself",
    ErrorCode.PROTOCOL_ERROR,
    headers(1, both | Flag.priority, concat(bytes32(1), Uint8Array.of(0), request)),
  ],
];

for (const [what, code, ...frames] of connectionErrors) {
  test(`${what} ends the connection`, async (peer, server) => {
    peer.greet();
    peer.send(...frames);
    const goaway = await peer.expectGoaway();
    assert.equal(ErrorCode[goaway.code], ErrorCode[code], goaway.reason);
    await until("the end of the connection", () => peer.ended);
    const other = await server.connect();
    other.greet();
    await other.expectAlive();
  });
}

const malformed: readonly (readonly [what: string, ...fields: [string, string][]])[] = [
  ["no :path", [":method", "POST"], [":scheme", "http"]],
  ["an unknown pseudo-header", ...requestFields(), [":status", "200"]],
  ["a pseudo-header after others", [":method", "POST"], ["a", "b"], [":path", "/"], [
    ":scheme",
    "http",
  ]],
  ["a pseudo-header twice", ...requestFields(), [":path", "/again"]],
  ["capitals in a name", ...requestFields(), ["Content-Type", "x"]],
  ["a blank in a name", ...requestFields(), ["a b", "x"]],
  ["a line break in a value", ...requestFields(), ["a", "b\r\nc: d"]],
  ["connection", ...requestFields(), ["connection", "close"]],
  ["te: gzip", ...requestFields(), ["te", "gzip"]],
];

function requestFields(): [string, string][] {
  return [[":method", "POST"], [":scheme", "http"], [":path", "/test"]];
}

for (const [what, ...fields] of malformed) {
  test(`a request with ${what} is reset, and the connection goes on`, async (peer) => {
    peer.greet();
    peer.send(headers(1, both, encodeHeaders(fields)));
    assert.equal(await peer.expectReset(1), ErrorCode.PROTOCOL_ERROR);
    peer.send(headers(3, both));
    await peer.expect(FrameType.headers, 3);
  });
}

test("something else than HTTP/2 is told so", async (peer) => {
  peer.send(utf8("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"));
  assert.deepEqual(await peer.expectGoaway(), {
    code: ErrorCode.PROTOCOL_ERROR,
    lastStream: 0,
    reason: "the client does not speak HTTP/2",
  });
});

test("what begins without SETTINGS ends", async (peer) => {
  peer.send(clientPreface, headers(1, both));
  assert.equal((await peer.expectGoaway()).code, ErrorCode.PROTOCOL_ERROR);
});

test("frames of unknown types, PRIORITY and padding do no harm", async (peer) => {
  peer.greet();
  peer.send(
    frame(77, 255, 9, utf8("whatever")),
    frame(FrameType.priority, 0, 7, concat(bytes32(3), Uint8Array.of(1))),
    headers(1),
    data(1, concat(Uint8Array.of(3), utf8("abc"), new Uint8Array(3)), Flag.padded),
    data(1, none, Flag.endStream),
  );
  await peer.expect(FrameType.headers, 1);
  await until("the echo", () => peer.seen(FrameType.data, 1).length > 0);
  assert.ok(equal(peer.seen(FrameType.data, 1)[0].payload, utf8("abc")));
});

test("headers in parts are one request", async (peer) => {
  peer.greet();
  const [a, b, c] = [request.subarray(0, 3), request.subarray(3, 9), request.subarray(9)];
  peer.send(
    headers(1, Flag.endStream, a),
    frame(FrameType.continuation, 0, 1, b),
    frame(FrameType.continuation, Flag.endHeaders, 1, c),
  );
  await peer.expect(FrameType.headers, 1);
});

test("streams beyond the limit are refused, and have room again later", async (peer) => {
  peer.greet();
  const ids = [1, 3, 5, 7, 9, 11];
  peer.send(...ids.map((id) => headers(id)));
  assert.equal(await peer.expectReset(11), ErrorCode.REFUSED_STREAM);
  peer.send(data(1, none, Flag.endStream), headers(13));
  await peer.expect(FrameType.headers, 13);
});

const unread = encodeHeaders([[":method", "POST"], [":scheme", "http"], [":path", "/unread"]]);

function fill(peer: RawPeer, streamId: number, bytes: number): void {
  for (let left = bytes; left > 0; left -= testLimits.maxFrameBytes) {
    peer.send(data(streamId, new Uint8Array(Math.min(left, testLimits.maxFrameBytes))));
  }
}

test("DATA beyond a stream's window resets that stream", async (peer) => {
  peer.greet();
  peer.send(headers(1, Flag.endHeaders, unread), headers(3));
  fill(peer, 1, testLimits.streamWindowBytes);
  // The echo of all that waits, so that the other stream gets its turn.
  peer.send(frame(FrameType.windowUpdate, 0, 0, bytes32(1_000_000)));
  await peer.expectAlive();
  assert.deepEqual(peer.seen(FrameType.rstStream), []);
  fill(peer, 1, 1);
  assert.equal(await peer.expectReset(1), ErrorCode.FLOW_CONTROL_ERROR);
  peer.send(data(3, utf8("goes on")));
  await peer.expect(FrameType.data, 3);
});

test("DATA beyond the connection's window ends the connection", async (peer) => {
  peer.greet();
  for (const id of [1, 3, 5]) {
    peer.send(headers(id, Flag.endHeaders, unread));
    fill(peer, id, testLimits.streamWindowBytes);
  }
  peer.send(headers(7, Flag.endHeaders, unread));
  await peer.expectAlive();
  fill(peer, 7, 1);
  assert.equal((await peer.expectGoaway()).code, ErrorCode.FLOW_CONTROL_ERROR);
});

test("a window grows again as what came is used, also by a stream that ends unread", async (peer) => {
  peer.greet();
  const granted = (streamId: number) =>
    peer.seen(FrameType.windowUpdate, streamId).slice(streamId === 0 ? 1 : 0)
      .reduce((sum, { payload }) => sum + uint32(payload, 0), 0);
  peer.send(headers(1));
  fill(peer, 1, 60_000);
  await until("room in the stream", () => granted(1) >= 50_000);
  peer.send(headers(3, Flag.endHeaders, unread));
  fill(peer, 3, testLimits.streamWindowBytes);
  await peer.expectAlive();
  assert.equal(granted(3) + granted(0), 0);
  peer.send(frame(FrameType.rstStream, 0, 3, bytes32(ErrorCode.CANCEL)));
  await until("room in the connection", () => granted(0) === 160_000);
});

test("what is sent keeps to the windows of the other side, to the byte", async (peer) => {
  peer.greet([Setting.initialWindowSize, 10], [Setting.maxFrameSize, 16_384]);
  peer.send(headers(1), data(1, utf8("0123456789abcdefghij"), Flag.endStream));
  const got = () => concat(...peer.seen(FrameType.data, 1).map(({ payload }) => payload));
  await until("the first ten", () => got().length >= 10);
  await peer.expectAlive();
  assert.ok(equal(got(), utf8("0123456789")));
  peer.send(frame(FrameType.windowUpdate, 0, 1, bytes32(3)));
  await until("three more", () => got().length >= 13);
  await peer.expectAlive();
  assert.ok(equal(got(), utf8("0123456789abc")));
  // A window that SETTINGS make smaller may be negative for a while.
  peer.send(settings([Setting.initialWindowSize, 5]));
  peer.send(frame(FrameType.windowUpdate, 0, 1, bytes32(5)));
  await peer.expectAlive();
  assert.ok(equal(got(), utf8("0123456789abc")));
  peer.send(settings([Setting.initialWindowSize, 100]));
  await until("everything", () => got().length === 20);
  const trailers = await until("the trailers", () => peer.seen(FrameType.headers, 1).at(1));
  assert.equal(trailers.flags, both);
});

test("streams that wait for the connection's window get their turns", async (peer) => {
  peer.greet([Setting.initialWindowSize, 1_000_000]);
  const piece = new Uint8Array(16_384);
  for (const id of [1, 3]) {
    peer.send(headers(id), ...Array.from({ length: 5 }, () => data(id, piece)));
  }
  const got = (id: number) =>
    peer.seen(FrameType.data, id).reduce((sum, { payload }) => sum + payload.length, 0);
  await until("the whole window", () => got(1) + got(3) >= 65_535);
  await peer.expectAlive();
  assert.equal(got(1) + got(3), 65_535);
  for (let i = 0; i < 100; i++) {
    peer.send(frame(FrameType.windowUpdate, 0, 0, bytes32(1_000)));
    await peer.expectAlive();
  }
  await until("all", () => got(1) + got(3) === 10 * piece.length);
});

test(
  "what still comes for a stream that we have ended is dropped",
  async (peer, { connections }) => {
    peer.greet();
    peer.send(headers(1, Flag.endHeaders, encodeHeaders([...requestFields(), ["te", "x"]])));
    assert.equal(await peer.expectReset(1), ErrorCode.PROTOCOL_ERROR);
    assert.equal(connections[0].destroyed, false);
    peer.send(headers(3));
    await peer.expectAlive();
    assert.equal(peer.seen(FrameType.goaway).length, 0);
  },
);

test("who opens streams only to reset them is cut off", async (peer) => {
  peer.greet();
  for (let i = 0; i <= maxResetBurst + 50; i++) {
    const id = 2 * i + 1;
    peer.send(headers(id), frame(FrameType.rstStream, 0, id, bytes32(ErrorCode.CANCEL)));
  }
  const { code, reason } = await peer.expectGoaway();
  assert.equal(code, ErrorCode.ENHANCE_YOUR_CALM);
  assert.equal(reason, "too many streams are reset");
});

test("who asks for answers and takes none is cut off", async (peer, { connections }) => {
  peer.greet();
  await peer.expectAlive();
  peer.socket.pause();
  const pings = concat(
    ...Array.from({ length: 1_000 }, () => frame(FrameType.ping, 0, 0, new Uint8Array(8))),
  );
  // The kernel's buffers take a few megabytes before ours fill.
  const most = 100 * maxUnsentBytes;
  for (let sent = 0; sent < most && !connections[0].destroyed; sent += pings.length) {
    if (!peer.socket.write(pings)) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  await until("the end of the connection", () => connections[0].destroyed);
  assert.equal(connections[0].failure?.message, "the other side takes no answers");
});

test(
  "closing lets open streams end, refuses new ones, then ends",
  async (peer, { connections, ends }) => {
    peer.greet();
    peer.send(headers(1));
    await peer.expect(FrameType.headers, 1);
    connections[0].close();
    assert.deepEqual(await peer.expectGoaway(), { code: 0, lastStream: 1, reason: "" });
    peer.send(headers(3));
    assert.equal(await peer.expectReset(3), ErrorCode.REFUSED_STREAM);
    peer.send(data(1, utf8("last"), Flag.endStream));
    await until("the end of the connection", () => peer.ended);
    assert.ok(equal(peer.seen(FrameType.data, 1)[0].payload, utf8("last")));
    assert.deepEqual(ends, ["complete"]);
  },
);

test("a connection that is cut loses its streams", async (peer, { ends }) => {
  peer.greet();
  peer.send(headers(1), headers(3, both));
  await peer.expect(FrameType.headers, 3);
  peer.socket.destroy();
  await until("the ends of both streams", () => ends.length === 2);
  assert.deepEqual(ends, ["complete", "lost"]);
});
