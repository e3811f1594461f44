import assert from "node:assert/strict";
import http2 from "node:http2";
import net from "node:net";
import { create } from "@bufbuild/protobuf";
import { until, untilSteady } from "../../tests/support/until.ts";
import { Deferred, withDeadline } from "../base/async.ts";
import { equal, utf8 } from "../base/bytes.ts";
import { silentLogger } from "../base/logger.ts";
import { Endorser } from "../gen/peer/peer_pb.ts";
import {
  type ChaincodeMessage,
  ChaincodeMessageSchema,
  ChaincodeSupport,
} from "../gen/peer/chaincode_shim_pb.ts";
import { SignedProposalSchema } from "../gen/peer/proposal_pb.ts";
import type { ProposalResponse } from "../gen/peer/proposal_response_pb.ts";
import { Deliver } from "../gen/peer/events_pb.ts";
import { EnvelopeSchema } from "../gen/common/common_pb.ts";
import { createRpcClient } from "./client.ts";
import { createRpcServer, type RpcServerOptions } from "./server.ts";
import { GrpcStatus } from "./status.ts";
import { createTestAuthority } from "./testing-certs.ts";
import { grpc, grpcJsBidi, grpcJsClient, grpcJsUnary } from "./testing-grpc-js.ts";
import { type Observed, registerTestServices } from "./testing-services.ts";
import type { RpcServer } from "./types.ts";

async function withServer(
  run: (server: RpcServer, client: grpc.Client, observed: Observed) => Promise<void>,
  options: Partial<RpcServerOptions> = {},
): Promise<void> {
  const server = await createRpcServer({ listen: "127.0.0.1:0", logger: silentLogger, ...options });
  const observed = registerTestServices(server);
  const client = grpcJsClient(server.address);
  try {
    await run(server, client, observed);
  } finally {
    client.close();
    await server.close(100);
  }
}

const proposal = (bytes: Uint8Array | string) =>
  create(SignedProposalSchema, { proposalBytes: typeof bytes === "string" ? utf8(bytes) : bytes });

function call(client: grpc.Client, bytes: Uint8Array | string, options?: grpc.CallOptions) {
  return grpcJsUnary<ProposalResponse>(
    client,
    Endorser,
    "processProposal",
    proposal(bytes),
    options,
  );
}

Deno.test("grpc-js: unary calls, one after the other", async () => {
  await withServer(async (_server, client) => {
    for (let i = 0; i < 2000; i++) {
      const answer = await call(client, `call ${i}`);
      assert.ok(equal(answer.payload, utf8(`call ${i}`)));
    }
  });
});

Deno.test("grpc-js: many calls at once", async () => {
  await withServer(async (_server, client) => {
    const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => call(client, `c${i}`)));
    answers.forEach((answer, i) => assert.ok(equal(answer.payload, utf8(`c${i}`))));
  });
});

Deno.test("grpc-js: a message of 20 MB goes both ways", async () => {
  await withServer(async (_server, client) => {
    const bytes = new Uint8Array(20 * 1024 * 1024);
    for (let i = 0; i < bytes.length; i += 997) bytes[i] = i;
    assert.ok(equal((await call(client, bytes)).payload, bytes));
  });
});

Deno.test("grpc-js: errors arrive with code and message", async () => {
  await withServer(async (_server, client) => {
    await assert.rejects(call(client, "denied"), {
      code: grpc.status.UNKNOWN,
      details: "access denied: channel [ü] creator org [100%]",
    });
    await assert.rejects(call(client, "defect"), {
      code: grpc.status.INTERNAL,
      details: "internal error: undefined is not an object",
    });
    assert.equal((await call(client, "alive")).version, 1);
  });
});

Deno.test("grpc-js: unknown services and methods are UNIMPLEMENTED", async () => {
  await withServer(async (_server, client) => {
    const stream = grpcJsBidi(client, Deliver, "deliver");
    const status = new Deferred<grpc.StatusObject>();
    stream.on("error", () => {});
    stream.on("status", (s: grpc.StatusObject) => status.resolve(s));
    stream.resume();
    const { code, details } = await status.promise;
    assert.equal(code, grpc.status.UNIMPLEMENTED);
    assert.equal(details, "unknown service protos.Deliver");
  });
});

Deno.test("a service registered without a handler answers UNIMPLEMENTED", async () => {
  await withServer(async (server, client) => {
    server.register(Deliver, {});
    const stream = grpcJsBidi(client, Deliver, "deliver");
    const status = new Deferred<grpc.StatusObject>();
    stream.on("error", () => {});
    stream.on("status", (s: grpc.StatusObject) => status.resolve(s));
    stream.resume();
    stream.write(create(EnvelopeSchema));
    assert.equal((await status.promise).code, grpc.status.UNIMPLEMENTED);
  });
});

Deno.test("grpc-js: a deadline ends the call on both sides", async () => {
  await withServer(async (_server, client, observed) => {
    await assert.rejects(call(client, "wait", { deadline: Date.now() + 150 }), {
      code: grpc.status.DEADLINE_EXCEEDED,
    });
    await until("the call is aborted", () => observed.aborted.length === 1);
    assert.ok((observed.contexts[0].deadline ?? 0) > 0);
  });
});

Deno.test("grpc-js: cancelling aborts the handler's signal", async () => {
  await withServer(async (_server, client, observed) => {
    const stream = grpcJsBidi<ChaincodeMessage, ChaincodeMessage>(
      client,
      ChaincodeSupport,
      "register",
    );
    stream.on("error", () => {});
    const answer = new Promise((resolve) => stream.once("data", resolve));
    stream.write(create(ChaincodeMessageSchema, { txid: "1" }));
    await answer;
    stream.cancel();
    await until("the call is aborted", () => observed.aborted.length === 1);
    assert.equal((observed.aborted[0] as { code: string }).code, "rpc-cancelled");
  });
});

Deno.test("grpc-js: a stream echoes in order until the client half-closes", async () => {
  await withServer(async (_server, client) => {
    const stream = grpcJsBidi<ChaincodeMessage, ChaincodeMessage>(
      client,
      ChaincodeSupport,
      "register",
    );
    const received: string[] = [];
    const ended = new Deferred<grpc.StatusObject>();
    stream.on("data", (message: ChaincodeMessage) => received.push(message.txid));
    stream.on("status", (status: grpc.StatusObject) => ended.resolve(status));
    const sent = Array.from({ length: 1000 }, (_, i) => String(i));
    for (const txid of sent) stream.write(create(ChaincodeMessageSchema, { txid }));
    stream.end();
    assert.equal((await ended.promise).code, grpc.status.OK);
    assert.deepEqual(received, sent);
  });
});

Deno.test("grpc-js: a handler that throws or returns in mid-stream ends it with its status", async () => {
  await withServer(async (_server, client) => {
    const cases = [["fail", grpc.status.UNKNOWN], ["end", grpc.status.OK]] as const;
    for (const [txid, code] of Array.from({ length: 50 }, () => cases).flat()) {
      const stream = grpcJsBidi<ChaincodeMessage, ChaincodeMessage>(
        client,
        ChaincodeSupport,
        "register",
      );
      const ended = new Deferred<grpc.StatusObject>();
      stream.on("error", () => {});
      stream.on("status", (status: grpc.StatusObject) => ended.resolve(status));
      stream.resume();
      stream.write(create(ChaincodeMessageSchema, { txid: "a" }));
      stream.write(create(ChaincodeMessageSchema, { txid }));
      assert.equal((await ended.promise).code, code);
    }
  });
});

Deno.test("a client that does not read stops the handler", async () => {
  await withServer(async (server, _client, observed) => {
    const session = http2.connect(`http://${server.address}`);
    session.on("error", () => {});
    const stream = session.request({
      ":method": "POST",
      ":path": "/protos.ChaincodeSupport/Register",
      "content-type": "application/grpc",
    });
    stream.on("error", () => {});
    stream.on("response", () => {});
    stream.pause();
    const { encodeFrame } = await import("./framing.ts");
    const { toBinary } = await import("@bufbuild/protobuf");
    const frame = encodeFrame(
      toBinary(
        ChaincodeMessageSchema,
        create(ChaincodeMessageSchema, { payload: new Uint8Array(100_000) }),
      ),
    );
    const total = 300; // 30 MB
    const write = (left: number): void => {
      if (left > 0 && !stream.destroyed) stream.write(frame, () => write(left - 1));
    };
    write(total);
    await untilSteady("the handler stops to read", () => observed.read);
    assert.ok(observed.read < total / 2, `handler read ${observed.read} of ${total}`);
    session.destroy();
  });
});

Deno.test("messages above the limit are RESOURCE_EXHAUSTED", async () => {
  await withServer(async (_server, client) => {
    await assert.rejects(call(client, new Uint8Array(2000)), {
      code: grpc.status.RESOURCE_EXHAUSTED,
      details: "grpc: received message larger than max (2003 vs. 1000)",
    });
  }, { limits: { maxMessageBytes: 1000 } });
});

for (
  const [what, headers, body, expected] of [
    ["GET", { ":method": "GET", ":path": "/" }, undefined, { ":status": 405 }],
    [
      "another content-type",
      { ":method": "POST", ":path": "/", "content-type": "text/plain" },
      undefined,
      {
        ":status": 415,
      },
    ],
    [
      "gzip encoding",
      {
        ":method": "POST",
        ":path": "/protos.Endorser/ProcessProposal",
        "content-type": "application/grpc",
        "grpc-encoding": "gzip",
      },
      undefined,
      { "grpc-status": "12" },
    ],
    [
      "a request without a message",
      {
        ":method": "POST",
        ":path": "/protos.Endorser/ProcessProposal",
        "content-type": "application/grpc",
      },
      undefined,
      { "grpc-status": "13" },
    ],
    [
      "half a message",
      {
        ":method": "POST",
        ":path": "/protos.Endorser/ProcessProposal",
        "content-type": "application/grpc",
      },
      Uint8Array.of(0, 0, 0, 0, 9, 1),
      { "grpc-status": "13" },
    ],
    [
      "two messages",
      {
        ":method": "POST",
        ":path": "/protos.Endorser/ProcessProposal",
        "content-type": "application/grpc",
      },
      Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
      { "grpc-status": "13" },
    ],
    [
      "garbage protobuf",
      {
        ":method": "POST",
        ":path": "/protos.Endorser/ProcessProposal",
        "content-type": "application/grpc",
      },
      Uint8Array.of(0, 0, 0, 0, 2, 0xff, 0xff),
      { "grpc-status": "13" },
    ],
  ] as const
) {
  Deno.test(`bad request: ${what}`, async () => {
    await withServer(async (server, client) => {
      const session = http2.connect(`http://${server.address}`);
      const stream = session.request(headers);
      const answer = new Deferred<Record<string, unknown>>();
      stream.on("error", () => {});
      stream.on("response", (h) => answer.resolve(h as Record<string, unknown>));
      stream.resume();
      stream.end(body);
      const response = await answer.promise;
      for (const [name, value] of Object.entries(expected)) assert.equal(response[name], value);
      session.destroy();
      assert.equal((await call(client, "alive")).version, 1);
    });
  });
}

Deno.test("a port in use is named", async () => {
  await withServer(async (server) => {
    await assert.rejects(createRpcServer({ listen: server.address, logger: silentLogger }), {
      code: "address-in-use",
      message: `listen ${server.address}: address already in use`,
    });
  });
});

Deno.test("a listen address that is none is refused", async () => {
  for (const listen of ["", "7051", "localhost", "localhost:99999", "a:b:c"]) {
    await assert.rejects(createRpcServer({ listen, logger: silentLogger }), {
      code: "bad-address",
    });
  }
});

Deno.test("closing lets calls end within the grace, then cuts them", async () => {
  const server = await createRpcServer({ listen: "127.0.0.1:0", logger: silentLogger });
  const observed = registerTestServices(server);
  const client = grpcJsClient(server.address);
  const waiting = call(client, "wait");
  await until("the first call", () => observed.contexts.length === 1);
  const [result] = await Promise.allSettled([waiting, server.close(50)]);
  assert.equal(result.status, "rejected");
  assert.equal((result as PromiseRejectedResult).reason.code, grpc.status.UNAVAILABLE);
  client.close();
});

Deno.test("closing cuts streams before other calls, where they have a shorter grace", async () => {
  const server = await createRpcServer({ listen: "127.0.0.1:0", logger: silentLogger });
  const observed = registerTestServices(server);
  const client = createRpcClient({ address: server.address, connectTimeoutMs: 10_000 });
  const going = new AbortController();
  const waiting = client.unary(Endorser.method.processProposal, proposal("wait"), {
    signal: going.signal,
  });
  waiting.catch(() => {});
  const stream = client.stream(ChaincodeSupport.method.register);
  await until("the second call", () => observed.contexts.length === 2);
  const closing = server.close(60_000, 10);
  await assert.rejects(stream.responses[Symbol.asyncIterator]().next(), {
    status: GrpcStatus.UNAVAILABLE,
    message: "the server is shutting down",
  });
  assert.equal(await Promise.race([waiting, Promise.resolve("goes on")]), "goes on");
  going.abort();
  await closing;
  await client.close();
});

for (const kind of ["plain text", "TLS"]) {
  Deno.test(`a client that connects and says nothing is cut: ${kind}`, async () => {
    const tls = kind === "TLS"
      ? await (await createTestAuthority("silence")).issue("server")
      : undefined;
    await withServer(async (server) => {
      const { hostname, port } = new URL(`http://${server.address}`);
      const socket = net.connect(Number(port), hostname);
      socket.on("error", () => {});
      socket.resume();
      const closed = new Promise((resolve) => socket.once("close", resolve));
      await withDeadline(closed, 20_000, "the end of a silent connection");
    }, { tls, limits: { handshakeTimeoutMs: 50 } });
  });
}

Deno.test("closing does not wait for a client that is not through its TLS handshake", async () => {
  const tls = await (await createTestAuthority("closing")).issue("server");
  const server = await createRpcServer({
    listen: "127.0.0.1:0",
    logger: silentLogger,
    tls,
    limits: { handshakeTimeoutMs: 600_000 },
  });
  const { hostname, port } = new URL(`http://${server.address}`);
  const socket = net.connect(Number(port), hostname);
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("connect", resolve));
  await withDeadline(server.close(0), 20_000, "the end of the server");
  socket.destroy();
});
