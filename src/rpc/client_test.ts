import assert from "node:assert/strict";
import http2 from "node:http2";
import net from "node:net";
import { create } from "@bufbuild/protobuf";
import { untilSteady } from "../../tests/support/until.ts";
import { equal, utf8 } from "../base/bytes.ts";
import { silentLogger } from "../base/logger.ts";
import {
  type ChaincodeMessage,
  ChaincodeMessageSchema,
  ChaincodeSupport,
} from "../gen/peer/chaincode_shim_pb.ts";
import { Endorser } from "../gen/peer/peer_pb.ts";
import type { SignedProposal } from "../gen/peer/proposal_pb.ts";
import { SignedProposalSchema } from "../gen/peer/proposal_pb.ts";
import { ProposalResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import { createRpcClient, type RpcTarget } from "./client.ts";
import { createRpcServer } from "./server.ts";
import { GrpcStatus, RpcError } from "./status.ts";
import { grpc, grpcJsServer } from "./testing-grpc-js.ts";
import { registerTestServices } from "./testing-services.ts";
import type { RpcClient } from "./types.ts";

const { processProposal } = Endorser.method;
const { register } = ChaincodeSupport.method;
const proposal = (bytes: Uint8Array | string) =>
  create(SignedProposalSchema, { proposalBytes: typeof bytes === "string" ? utf8(bytes) : bytes });
const shim = (txid: string, payload?: Uint8Array) =>
  create(ChaincodeMessageSchema, { txid, payload });

/** Calls against a grpc-js server. */
async function withGrpcJs(
  run: (client: RpcClient) => Promise<void>,
  target: Partial<RpcTarget> = {},
): Promise<void> {
  const endorser = await grpcJsServer(Endorser, {
    processProposal(
      call: grpc.ServerUnaryCall<SignedProposal, unknown>,
      answer: grpc.sendUnaryData<unknown>,
    ) {
      const bytes = call.request.proposalBytes;
      const command = bytes.length < 20 ? new TextDecoder().decode(bytes) : "";
      if (command === "denied") {
        return answer({ code: grpc.status.UNKNOWN, details: "access denied ü 100%" });
      }
      if (command === "wait") return;
      answer(null, create(ProposalResponseSchema, { version: 1, payload: bytes }));
    },
  });
  endorser.server.addService(
    (await import("./testing-grpc-js.ts")).grpcJsDefinition(ChaincodeSupport),
    {
      register(call: grpc.ServerDuplexStream<ChaincodeMessage, ChaincodeMessage>) {
        call.on("error", () => {});
        call.on("data", (message: ChaincodeMessage) => {
          if (message.txid === "fail") {
            call.emit("error", { code: grpc.status.ABORTED, details: "failed" });
          } else call.write(message);
        });
        call.on("end", () => call.end());
      },
    },
  );
  const client = createRpcClient({ address: endorser.address, ...target });
  try {
    await run(client);
  } finally {
    await client.close();
    endorser.server.forceShutdown();
  }
}

/** Calls against our own server. */
async function withDenim(
  run: (client: RpcClient, address: string) => Promise<void>,
): Promise<void> {
  const server = await createRpcServer({ listen: "127.0.0.1:0", logger: silentLogger });
  registerTestServices(server);
  const client = createRpcClient({ address: server.address });
  try {
    await run(client, server.address);
  } finally {
    await client.close();
    await server.close(100);
  }
}

for (const [against, within] of [["grpc-js", withGrpcJs], ["denim", withDenim]] as const) {
  Deno.test(`${against} server: unary calls, one after the other and at once`, async () => {
    await within(async (client) => {
      for (let i = 0; i < 1000; i++) {
        const answer = await client.unary(processProposal, proposal(`c${i}`));
        assert.ok(equal(answer.payload, utf8(`c${i}`)));
      }
      await Promise.all(Array.from({ length: 300 }, async (_, i) => {
        const answer = await client.unary(processProposal, proposal(`p${i}`));
        assert.ok(equal(answer.payload, utf8(`p${i}`)));
      }));
    });
  });

  Deno.test(`${against} server: 20 MB both ways`, async () => {
    await within(async (client) => {
      const bytes = new Uint8Array(20 * 1024 * 1024);
      for (let i = 0; i < bytes.length; i += 997) bytes[i] = i;
      assert.ok(equal((await client.unary(processProposal, proposal(bytes))).payload, bytes));
    });
  });

  Deno.test(`${against} server: an error has its status and text`, async () => {
    await within(async (client) => {
      await assert.rejects(client.unary(processProposal, proposal("denied")), (error) => {
        const { status, message } = error as { status: GrpcStatus; message: string };
        assert.equal(status, GrpcStatus.UNKNOWN);
        assert.match(message, /^access denied.*ü.*100%/);
        return true;
      });
    });
  });

  Deno.test(`${against} server: a deadline ends a unary call`, async () => {
    await within(async (client) => {
      await assert.rejects(
        client.unary(processProposal, proposal("wait"), { timeoutMs: 100 }),
        { code: "rpc-deadline-exceeded" },
      );
    });
  });

  Deno.test(`${against} server: an abort signal cancels a unary call`, async () => {
    await within(async (client) => {
      const abort = new AbortController();
      const call = client.unary(processProposal, proposal("wait"), { signal: abort.signal });
      await client.unary(processProposal, proposal("x"));
      abort.abort();
      await assert.rejects(call, { code: "rpc-cancelled" });
      await assert.rejects(client.unary(processProposal, proposal("x"), { signal: abort.signal }), {
        code: "rpc-cancelled",
      });
    });
  });

  Deno.test(`${against} server: a stream echoes in order, then ends`, async () => {
    await within(async (client) => {
      const stream = client.stream(register);
      const sent = Array.from({ length: 500 }, (_, i) => String(i));
      const sending = (async () => {
        for (const txid of sent) await stream.send(shim(txid, new Uint8Array(10_000)));
        stream.closeSend();
      })();
      const received: string[] = [];
      for await (const message of stream.responses) received.push(message.txid);
      await sending;
      assert.deepEqual(received, sent);
      await assert.rejects(stream.send(shim("late")));
    });
  });

  Deno.test(`${against} server: a stream that fails throws to its reader and its sender`, async () => {
    await within(async (client) => {
      const stream = client.stream(register);
      await stream.send(shim("fail"));
      await assert.rejects(Array.fromAsync(stream.responses), /failed/);
      await assert.rejects(stream.send(shim("late")), /failed/);
    });
  });

  Deno.test(`${against} server: leaving the responses cancels the call`, async () => {
    await within(async (client) => {
      const stream = client.stream(register);
      await stream.send(shim("a"));
      for await (const message of stream.responses) {
        assert.equal(message.txid, "a");
        break;
      }
      await assert.rejects(stream.send(shim("late")), { code: "rpc-cancelled" });
    });
  });
}

Deno.test("a slow reader slows the sender down", async () => {
  await withDenim(async (client) => {
    const stream = client.stream(register);
    let sent = 0;
    const total = 400; // 40 MB
    const sending = (async () => {
      for (; sent < total; sent++) await stream.send(shim("x", new Uint8Array(100_000)));
      stream.closeSend();
    })();
    await untilSteady("the sender stops", () => sent);
    assert.ok(sent < total / 2, `${sent} of ${total} were sent while nobody read`);
    let received = 0;
    for await (const _ of stream.responses) received++;
    await sending;
    assert.equal(received, total);
  });
});

Deno.test("a message above the limit is refused before it is sent", async () => {
  await withGrpcJs(async (client) => {
    await assert.rejects(client.unary(processProposal, proposal(new Uint8Array(2000))), {
      code: "rpc-resource-exhausted",
      message: "grpc: trying to send message larger than max (2003 vs. 1000)",
    });
  }, { maxMessageBytes: 1000 });
});

Deno.test("an answer above the limit is refused", async () => {
  await withDenim(async (_client, address) => {
    // The echo adds a version, two bytes, to what was sent.
    const small = createRpcClient({ address, maxMessageBytes: 1000 });
    await assert.rejects(small.unary(processProposal, proposal(new Uint8Array(997))), {
      code: "rpc-resource-exhausted",
      message: "grpc: received message larger than max (1002 vs. 1000)",
    });
    await small.close();
  });
});

Deno.test("connection refused is UNAVAILABLE and says so", async () => {
  const listener = net.createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  const { port } = listener.address() as net.AddressInfo;
  await new Promise((resolve) => listener.close(resolve));
  const client = createRpcClient({ address: `127.0.0.1:${port}` });
  await assert.rejects(client.unary(processProposal, proposal("x")), {
    status: GrpcStatus.UNAVAILABLE,
    message: `connection to 127.0.0.1:${port}: connection refused`,
  });
  const stream = client.stream(register);
  await assert.rejects(stream.send(shim("x")), { status: GrpcStatus.UNAVAILABLE });
  await assert.rejects(Array.fromAsync(stream.responses), { status: GrpcStatus.UNAVAILABLE });
  await client.close();
});

Deno.test("a server that accepts and says nothing runs into the connect deadline (TLS)", async () => {
  const listener = net.createServer().listen(0, "127.0.0.1");
  const sockets: net.Socket[] = [];
  listener.on("connection", (socket) => sockets.push(socket.on("error", () => {})));
  await new Promise((resolve) => listener.once("listening", resolve));
  const { port } = listener.address() as net.AddressInfo;
  const client = createRpcClient({
    address: `127.0.0.1:${port}`,
    tls: { rootCertificates: [] },
    connectTimeoutMs: 100,
  });
  await assert.rejects(client.unary(processProposal, proposal("x")), {
    status: GrpcStatus.UNAVAILABLE,
    message: `connection to 127.0.0.1:${port}: no connection within 100 ms`,
  });
  await client.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => listener.close(resolve));
});

Deno.test("something that is no HTTP/2 server is UNAVAILABLE", async () => {
  const listener = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.resume();
    socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  const { port } = listener.address() as net.AddressInfo;
  const client = createRpcClient({ address: `127.0.0.1:${port}` });
  await assert.rejects(client.unary(processProposal, proposal("x"), { timeoutMs: 5000 }), {
    status: GrpcStatus.UNAVAILABLE,
    message: /does not speak HTTP\/2/,
  });
  await client.close();
  await new Promise((resolve) => listener.close(resolve));
});

Deno.test("a new connection is made after the server was restarted", async () => {
  const first = await createRpcServer({ listen: "127.0.0.1:0", logger: silentLogger });
  registerTestServices(first);
  const client = createRpcClient({ address: first.address });
  await client.unary(processProposal, proposal("1"));
  await first.close(50);
  const second = await createRpcServer({ listen: first.address, logger: silentLogger });
  registerTestServices(second);
  assert.equal((await client.unary(processProposal, proposal("2"))).version, 1);
  await client.close();
  await second.close(50);
});

Deno.test("a connection that dies fails its calls UNAVAILABLE; the next call gets a new one", async () => {
  const server = http2.createServer();
  let sessions = 0;
  let latest: http2.ServerHttp2Session | undefined;
  server.on("session", (session) => {
    sessions++;
    latest = session as http2.ServerHttp2Session;
  });
  server.on("stream", () => latest?.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.address() as net.AddressInfo;
  const client = createRpcClient({ address: `127.0.0.1:${port}` });
  for (let i = 1; i <= 3; i++) {
    await assert.rejects(client.unary(processProposal, proposal("x")), {
      status: GrpcStatus.UNAVAILABLE,
    });
    assert.equal(sessions, i);
  }
  await client.close();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

Deno.test("calls on a connection that says GOAWAY end normally, new ones use another", async () => {
  const server = await createRpcServer({ listen: "127.0.0.1:0", logger: silentLogger });
  registerTestServices(server);
  const client = createRpcClient({ address: server.address });
  const stream = client.stream(register);
  await stream.send(shim("a"));
  const responses = stream.responses[Symbol.asyncIterator]();
  assert.equal((await responses.next()).value?.txid, "a");
  const closing = server.close(5000); // sends GOAWAY, waits for the stream
  await stream.send(shim("b"));
  assert.equal((await responses.next()).value?.txid, "b");
  stream.closeSend();
  assert.equal((await responses.next()).done, true);
  await closing;
  await client.close();
});

Deno.test("closing the client ends its calls", async () => {
  await withDenim(async (_client, address) => {
    const client = createRpcClient({ address });
    const stream = client.stream(register);
    await stream.send(shim("a"));
    const reading = assert.rejects(Array.fromAsync(stream.responses));
    await client.close();
    await reading;
    await assert.rejects(client.unary(processProposal, proposal("x")), { code: "rpc-cancelled" });
  });
});

Deno.test("keepalive pings find a connection that went silent", async () => {
  const held: net.Socket[] = [];
  const listener = net.createServer((socket) => {
    socket.on("error", () => {});
    held.push(socket); // reads nothing, answers nothing
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  const { port } = listener.address() as net.AddressInfo;
  const client = createRpcClient({
    address: `127.0.0.1:${port}`,
    limits: { keepaliveIntervalMs: 50, keepaliveTimeoutMs: 50 },
  });
  await assert.rejects(client.unary(processProposal, proposal("x")), {
    status: GrpcStatus.UNAVAILABLE,
    message: /keepalive ping was not answered/,
  });
  await client.close();
  for (const socket of held) socket.destroy();
  await new Promise((resolve) => listener.close(resolve));
});

for (const ending of ["ends", "resets"] as const) {
  Deno.test(`a server that ${ending} a plain connection before it spoke may expect TLS, and has taken nothing`, async () => {
    const listener = net.createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => {
        if (ending === "ends") socket.end();
        else socket.resetAndDestroy();
      });
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => listener.once("listening", resolve));
    const { port } = listener.address() as net.AddressInfo;
    const client = createRpcClient({ address: `127.0.0.1:${port}` });
    await assert.rejects(client.unary(processProposal, proposal("x")), (error) => {
      assert.ok(error instanceof RpcError);
      assert.match(error.message, /connection closed before the call had ended/);
      assert.match(error.hint ?? "", /does it expect TLS/);
      assert.equal(error.facts.spoke, false);
      return true;
    });
    await client.close();
    await new Promise((resolve) => listener.close(resolve));
  });
}

Deno.test("calls beyond the server's limit wait for their turn, also behind one that gave up", async () => {
  const server = await createRpcServer({
    listen: "127.0.0.1:0",
    logger: silentLogger,
    limits: { maxConcurrentStreams: 1 },
  });
  registerTestServices(server);
  const client = createRpcClient({ address: server.address });
  await client.unary(processProposal, proposal("the limit is known"));
  const going = new AbortController();
  const first = client.unary(processProposal, proposal("wait"), { signal: going.signal });
  const impatient = client.unary(processProposal, proposal("x"), { timeoutMs: 50 });
  const patient = Array.from(
    { length: 30 },
    (_, i) => client.unary(processProposal, proposal(`call ${i}`)),
  );
  await assert.rejects(impatient, { status: GrpcStatus.DEADLINE_EXCEEDED });
  going.abort();
  await assert.rejects(first, { status: GrpcStatus.CANCELLED });
  assert.equal((await Promise.all(patient)).length, 30);
  await client.close();
  await server.close(0);
});
