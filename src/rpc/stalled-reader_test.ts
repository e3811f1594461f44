/** Clients that ask for a stream and then do not read it. */
import assert from "node:assert/strict";
import http2 from "node:http2";
import net from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { Deferred, withDeadline } from "../base/async.ts";
import { utf8 } from "../base/bytes.ts";
import { type Logger, silentLogger } from "../base/logger.ts";
import { EnvelopeSchema } from "../gen/common/common_pb.ts";
import { Deliver, DeliverResponseSchema } from "../gen/peer/events_pb.ts";
import { parseAddress } from "./address.ts";
import { SignedProposalSchema } from "../gen/peer/proposal_pb.ts";
import { createRpcClient } from "./client.ts";
import { encodeFrame } from "./framing.ts";
import { registerTestServices } from "./testing-services.ts";
import type { RpcLimits } from "./limits.ts";
import { createRpcServer } from "./server.ts";
import { GrpcStatus, RpcError } from "./status.ts";
import type { RpcServer } from "./types.ts";

const blockBytes = 1024 * 1024;

/** Every stream is an endless sequence of large messages. */
interface Endless {
  readonly server: RpcServer;
  /** Messages that each stream has handed over. */
  readonly handed: number[];
  readonly ended: Deferred<void>[];
  readonly infos: string[];
}

async function withEndless(limits: Partial<RpcLimits>, test: (run: Endless) => Promise<void>) {
  const infos: string[] = [];
  const logger: Logger = { ...silentLogger, info: (message) => infos.push(message) };
  const server = await createRpcServer({ listen: "127.0.0.1:0", logger, limits });
  const handed: number[] = [];
  const ended: Deferred<void>[] = [];
  server.register(Deliver, {
    async *deliver() {
      const index = handed.push(0) - 1;
      ended[index] = new Deferred();
      const value = { header: { number: 1n }, data: { data: [new Uint8Array(blockBytes)] } };
      const message = create(DeliverResponseSchema, { Type: { case: "block", value } });
      try {
        for (;; handed[index]++) {
          yield message;
          await new Promise((resolve) => setTimeout(resolve));
        }
      } finally {
        ended[index].resolve();
      }
    },
  });
  try {
    await test({ server, handed, ended, infos });
  } finally {
    await server.close(0);
  }
}

Deno.test("a stream that nobody reads is bounded, then ended; others of its connection go on", async () => {
  await withEndless({ sendStallTimeoutMs: 300 }, async ({ server, handed, ended, infos }) => {
    const client = createRpcClient({ address: server.address });
    try {
      const sleeper = client.stream(Deliver.method.deliver);
      await sleeper.send(create(EnvelopeSchema, { payload: utf8("sleeper") }));
      const reader = client.stream(Deliver.method.deliver);
      await reader.send(create(EnvelopeSchema, { payload: utf8("reader") }));
      const blocks = reader.responses[Symbol.asyncIterator]();
      const readOne = () => withDeadline(blocks.next(), 10_000, "a block for the reader");
      await readOne();
      let over = false;
      void ended[0].promise.then(() => over = true);
      const deadline = Date.now() + 20_000;
      let read = 1;
      for (; !over; read++) {
        assert.ok(Date.now() < deadline, "the unread stream was never ended");
        await readOne();
      }
      // Windows and buffers of both sides take a few; the reader had many more.
      assert.ok(handed[0] < 10, `${handed[0]} blocks were made for nobody`);
      assert.ok(read > handed[0], `only ${read} blocks reached the reader`);
      await readOne();
      assert.deepEqual(infos, [
        "/protos.Deliver/Deliver ended: the client has not read for 300 ms",
      ]);
      await assert.rejects(
        (async () => {
          for await (const _ of sleeper.responses);
        })(),
        (error) => error instanceof RpcError && error.status === GrpcStatus.RESOURCE_EXHAUSTED,
      );
      reader.cancel();
    } finally {
      await client.close();
    }
  });
});

Deno.test("a large answer that nobody takes is dropped, and only that", async () => {
  const server = await createRpcServer({
    listen: "127.0.0.1:0",
    logger: silentLogger,
    limits: { sendStallTimeoutMs: 300 },
  });
  registerTestServices(server);
  // A client whose flow control window is closed for good.
  const session = http2.connect(`http://${server.address}`, { settings: { initialWindowSize: 0 } });
  const ask = (answerBytes: number) => {
    const stream = session.request({
      ":method": "POST",
      ":path": "/protos.Endorser/ProcessProposal",
      "content-type": "application/grpc",
      te: "trailers",
    });
    const ended = new Deferred<number | undefined>();
    stream.on("error", () => {});
    stream.on("close", () => ended.resolve(stream.rstCode));
    const proposal = create(SignedProposalSchema, { proposalBytes: new Uint8Array(answerBytes) });
    stream.end(encodeFrame(toBinary(SignedProposalSchema, proposal)));
    return ended;
  };
  try {
    const small = ask(10);
    const large = ask(100_000);
    const enhanceYourCalm = 11;
    assert.equal(await withDeadline(large.promise, 20_000, "the reset"), enhanceYourCalm);
    assert.equal(small.settled, false);
    assert.equal(session.destroyed, false);
  } finally {
    session.destroy();
    await server.close(0);
  }
});

Deno.test("a connection on which nobody is left is cut", async () => {
  const limits = { sendStallTimeoutMs: 300, keepaliveTimeoutMs: 300 };
  await withEndless(limits, async ({ server, handed, ended }) => {
    const target = parseAddress(server.address);
    const gone = new Deferred<void>();
    // In between stands somebody who takes the request and then forgets the connection.
    const between = net.createServer((near) => {
      const far = net.connect(target.port, target.host);
      near.on("error", () => {});
      near.pipe(far);
      far.on("error", () => gone.resolve());
      far.on("close", () => gone.resolve());
      far.on("data", (chunk) => {
        near.write(chunk);
        if (handed.length > 0) far.pause();
      });
      // A paused socket does not notice its end: writing does.
      const poke = setInterval(() => far.write(new Uint8Array(0)), 50);
      gone.promise.then(() => {
        clearInterval(poke);
        far.destroy();
        near.destroy();
      });
    });
    await new Promise<void>((resolve) => between.listen(0, "127.0.0.1", resolve));
    const { port } = between.address() as net.AddressInfo;
    const client = createRpcClient({ address: `127.0.0.1:${port}` });
    try {
      const stream = client.stream(Deliver.method.deliver);
      await stream.send(create(EnvelopeSchema));
      const deadline = Date.now() + 10_000;
      while (ended.length === 0) {
        assert.ok(Date.now() < deadline, "the call never came");
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      await withDeadline(ended[0].promise, 20_000, "the end of the forgotten stream");
      const before = performance.now();
      await server.close(60_000);
      assert.ok(performance.now() - before < 10_000, "the connection was still there");
    } finally {
      gone.resolve();
      await client.close();
      await new Promise((resolve) => between.close(resolve));
    }
  });
});
