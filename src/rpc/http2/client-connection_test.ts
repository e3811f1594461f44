/** The client's side, against a server that is played frame by frame. */
import assert from "node:assert/strict";
import net from "node:net";
import { until } from "../../../tests/support/until.ts";
import { text, utf8 } from "../../base/bytes.ts";
import { Http2Connection } from "./connection.ts";
import { encodeHeaders } from "./hpack-encoder.ts";
import { clientPreface, ErrorCode, Setting } from "./protocol.ts";
import type { Headers } from "./headers.ts";
import type { Http2Stream, StreamEnd, StreamEvents } from "./stream.ts";
import {
  bytes32,
  Flag,
  frame,
  FrameType,
  RawPeer,
  request,
  settings,
  testLimits,
} from "./testing-raw-peer.ts";

const ok = encodeHeaders([[":status", "200"]]);
const both = Flag.endHeaders | Flag.endStream;

/** What a stream has told. */
class Told implements StreamEvents {
  readonly answers: Headers[] = [];
  readonly trailing: Headers[] = [];
  body = "";
  over: StreamEnd | undefined;

  answer(headers: Headers): void {
    this.answers.push(headers);
  }

  trailers(headers: Headers): void {
    this.trailing.push(headers);
  }

  data(bytes: Uint8Array): void {
    this.body += text(bytes);
  }

  end(): void {}

  closed(end: StreamEnd): void {
    assert.equal(this.over, undefined, "told twice");
    this.over = end;
  }
}

interface Played {
  readonly client: Http2Connection;
  readonly server: RawPeer;
  ask(): { stream: Http2Stream; told: Told };
}

function test(name: string, run: (played: Played) => Promise<void>): void {
  Deno.test(`HTTP/2 client: ${name}`, async () => {
    const accepted = Promise.withResolvers<net.Socket>();
    const listener = net.createServer(accepted.resolve);
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const socket = net.connect((listener.address() as net.AddressInfo).port, "127.0.0.1");
    const client = new Http2Connection(socket, { role: "client", limits: testLimits, events: {} });
    const peer = await accepted.promise;
    // The client's preface is no frame.
    const preface = await new Promise<Uint8Array>((resolve) => peer.once("data", resolve));
    peer.unshift(preface.subarray(clientPreface.length));
    const server = new RawPeer(peer);
    try {
      server.send(settings());
      await server.expect(FrameType.settings);
      const ask = () => {
        const told = new Told();
        return { stream: client.request(request, told), told };
      };
      await run({ client, server, ask });
    } finally {
      client.destroy();
      peer.destroy();
      await new Promise((resolve) => listener.close(resolve));
    }
  });
}

test("an answer that ends before the request resets what is left of that", async (played) => {
  const { client, server, ask } = played;
  const { stream, told } = ask();
  stream.write(utf8("a"));
  await server.expect(FrameType.data, 1);
  server.send(
    frame(FrameType.headers, Flag.endHeaders, 1, ok),
    frame(FrameType.data, 0, 1, utf8("answer")),
    frame(FrameType.headers, both, 1, encodeHeaders([["grpc-status", "0"]])),
  );
  assert.equal(await server.expectReset(1), ErrorCode.NO_ERROR);
  assert.equal(told.over, "complete");
  assert.equal(told.body, "answer");
  assert.equal(told.trailing[0]["grpc-status"], "0");
  assert.equal(client.destroyed, false);
  assert.equal(ask().stream.id, 3);
});

test("informational headers come before the answer", async ({ server, ask }) => {
  const { told } = ask();
  server.send(
    frame(FrameType.headers, Flag.endHeaders, 1, encodeHeaders([[":status", "103"]])),
    frame(FrameType.headers, both, 1, ok),
  );
  await until("the end", () => told.over);
  assert.deepEqual(told.answers.map((headers) => headers[":status"]), ["200"]);
});

test("GOAWAY ends what the server has not seen, and lets the rest end", async (played) => {
  const { client, server, ask } = played;
  const [first, second] = [ask(), ask()];
  await server.expect(FrameType.headers, 3);
  server.send(frame(FrameType.goaway, 0, 0, bytes32(1, 0)));
  await until("the end of the second", () => second.told.over !== undefined);
  assert.equal(second.told.over, ErrorCode.REFUSED_STREAM);
  assert.equal(first.told.over, undefined);
  assert.equal(client.freeStreams, 0);
  server.send(frame(FrameType.headers, both, 1, ok));
  await until("the end of the first", () => first.told.over);
  await until("the end of the connection", () => client.destroyed);
  assert.equal(client.failure, undefined);
});

test("why a server ends the connection is kept", async ({ client, server, ask }) => {
  const { told } = ask();
  const reason = utf8("too_many_pings");
  server.send(
    frame(FrameType.goaway, 0, 0, new Uint8Array([...bytes32(1, 11), ...reason])),
  );
  await until("GOAWAY", () => client.closed);
  server.socket.end();
  await until("the end of the stream", () => told.over);
  assert.equal(told.over, "lost");
  assert.equal(
    client.failure?.message,
    "the other side ended it: ENHANCE_YOUR_CALM too_many_pings",
  );
});

test("the server's limit of streams is known", async ({ client, server, ask }) => {
  server.send(settings([Setting.maxConcurrentStreams, 2]));
  await until("the limit", () => client.freeStreams === 2);
  ask();
  const { told } = ask();
  assert.equal(client.freeStreams, 0);
  await server.expect(FrameType.headers, 3);
  server.send(frame(FrameType.headers, both, 3, ok));
  await until("the end", () => told.over);
  assert.equal(client.freeStreams, 1);
});

for (
  const [what, code, bytes] of [
    ["an answer to nothing", ErrorCode.PROTOCOL_ERROR, frame(FrameType.headers, both, 99, ok)],
    ["a stream of its own", ErrorCode.PROTOCOL_ERROR, frame(FrameType.headers, both, 2, ok)],
    [
      "PUSH_PROMISE",
      ErrorCode.PROTOCOL_ERROR,
      frame(FrameType.pushPromise, Flag.endHeaders, 1, bytes32(2)),
    ],
    ["HTTP/1", ErrorCode.FRAME_SIZE_ERROR, utf8("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ] as const
) {
  test(`a server that sends ${what} is left`, async ({ client, server, ask }) => {
    const { told } = ask();
    server.send(bytes);
    assert.equal((await server.expectGoaway()).code, code);
    assert.equal(told.over, "lost");
    assert.ok(client.failure);
  });
}
