import assert from "node:assert/strict";
import { createServer } from "node:net";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { testAuthority } from "../../../tests/support/fake-peer.ts";
import { never, request } from "../../../tests/support/process-runtime.ts";
import { Recorder, written } from "../../../tests/support/runtime.ts";
import { Deferred, withDeadline } from "../../base/async.ts";
import { systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import type { ChaincodeServiceSettings } from "../../config/types.ts";
import { Chaincode } from "../../gen/denim/chaincode_service_pb.ts";
import { ChaincodeIDSchema, ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import {
  type ChaincodeMessage,
  ChaincodeMessage_Type as Type,
  ChaincodeMessageSchema,
} from "../../gen/peer/chaincode_shim_pb.ts";
import { createRpcServer } from "../../rpc/server.ts";
import type { ServerTls } from "../../rpc/types.ts";
import { connectionFileOf } from "./connection-file.ts";
import { ServiceRuntime } from "./service-runtime.ts";

const chaincode = written(ChaincodeSpec_Type.NODE, "asset", { "src/package.json": "{}" });

/** A chaincode that listens, registers and then ends its stream when told to. */
async function service(tls?: ServerTls) {
  const server = await createRpcServer({ listen: "127.0.0.1:0", tls, logger: silentLogger });
  const finish = new Deferred<void>();
  const ready = new Deferred<void>();
  const heard: string[] = [];
  server.register(Chaincode, {
    async *connect(messages) {
      const payload = toBinary(ChaincodeIDSchema, create(ChaincodeIDSchema, { name: "asset:1.0" }));
      yield create(ChaincodeMessageSchema, { type: Type.REGISTER, payload });
      const reading = (async () => {
        try {
          for await (const { type } of messages) {
            heard.push(Type[type]);
            if (type === Type.READY) ready.resolve();
          }
        } catch {
          // The peer has hung up.
        }
      })();
      await Promise.race([finish.promise, reading]);
    },
  });
  return { server, finish, ready: ready.promise, heard, address: server.address };
}

/** The peer's side: answers REGISTER, keeps what it hears. */
function peerSide() {
  const registered = new Deferred<string>();
  async function* serve(instance: string, messages: AsyncIterable<ChaincodeMessage>) {
    for await (const { type, payload } of messages) {
      if (type !== Type.REGISTER) continue;
      yield create(ChaincodeMessageSchema, { type: Type.REGISTERED });
      yield create(ChaincodeMessageSchema, { type: Type.READY });
      registered.resolve(`${instance} as ${fromBinary(ChaincodeIDSchema, payload).name}`);
    }
  }
  return { serve, registered: registered.promise };
}

async function withRuntime(
  settings: Partial<ChaincodeServiceSettings> & { readonly address: string },
  run: (runtime: ServiceRuntime, registered: Promise<string>) => Promise<void>,
): Promise<void> {
  const { serve, registered } = peerSide();
  const settingsOf = () => ({ dialTimeoutMs: 2_000, tls: undefined, ...settings });
  const runtime = new ServiceRuntime({ settingsOf, serve, clock: systemClock });
  try {
    await run(runtime, registered);
  } finally {
    await runtime.close();
  }
}

Deno.test("a service is dialled, registers over that connection, and its end is an exit", async () => {
  const { server, finish, ready, heard, address } = await service();
  try {
    await withRuntime({ address }, async (runtime, registered) => {
      const observer = new Recorder();
      const running = await runtime.start(request(chaincode), observer, never);
      assert.equal(running.id, address);
      assert.equal(await registered, "asset:1.0 as asset:1.0");
      assert.deepEqual(observer.steps, ["connect begin", "connect end"]);
      await ready;
      finish.resolve();
      const status = await withDeadline(running.exited, 20_000, "exit");
      assert.match(status.meaning, /connection to the chaincode service 127\.0\.0\.1:\d+ ended/);
      assert.deepEqual(heard, ["REGISTERED", "READY"]);
      await running.stop();
    });
  } finally {
    await server.close(0);
  }
});

Deno.test("stopping hangs up, and the service hears it", async () => {
  const { server, address } = await service();
  try {
    await withRuntime({ address }, async (runtime, registered) => {
      const running = await runtime.start(request(chaincode), new Recorder(), never);
      await registered;
      await withDeadline(running.stop(), 20_000, "stop");
      await withDeadline(running.exited, 20_000, "exit");
    });
  } finally {
    await server.close(0);
  }
});

Deno.test("a service behind mutual TLS is dialled with the peer's certificate", async () => {
  const authority = testAuthority();
  const own = authority.issue("serverAuth", ["localhost", "127.0.0.1"]);
  const client = authority.issue("clientAuth", []);
  const { server, address } = await service({
    certificate: own.certPem,
    key: own.keyPem,
    clientRootCertificates: [authority.certificatePem],
  });
  const tls = {
    rootCertificate: authority.certificatePem,
    clientCertificate: client.certPem,
    clientKey: client.keyPem,
    serverNameOverride: "localhost",
  };
  try {
    await withRuntime({ address, tls }, async (runtime, registered) => {
      const running = await runtime.start(request(chaincode), new Recorder(), never);
      assert.equal(await registered, "asset:1.0 as asset:1.0");
      await running.stop();
    });
    const anonymous = { ...tls, clientCertificate: "", clientKey: "" };
    await withRuntime(
      { address, tls: anonymous },
      (runtime) =>
        assert.rejects(runtime.start(request(chaincode), new Recorder(), never), {
          code: "service-unreachable",
        }),
    );
  } finally {
    await server.close(0);
  }
});

Deno.test("nobody there, or somebody who says nothing: the launch fails with the address and ends", async () => {
  await withRuntime(
    { address: "127.0.0.1:1" },
    (runtime) =>
      assert.rejects(runtime.start(request(chaincode), new Recorder(), never), {
        code: "service-unreachable",
        message: /could not connect to the chaincode service 127\.0\.0\.1:1: /,
        hint: /chaincode\.services\.<name>/,
      }),
  );
  const silent = createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const place = silent.address();
  assert(place !== null && typeof place === "object");
  try {
    await withRuntime({ address: `127.0.0.1:${place.port}` }, async (runtime) => {
      const start = runtime.start(request(chaincode), new Recorder(), AbortSignal.timeout(300));
      await assert.rejects(withDeadline(start, 20_000, "launch"), { code: "service-unreachable" });
    });
  } finally {
    await new Promise((resolve) => silent.close(resolve));
  }
});

Deno.test("connection.json of a package says where the service is; other files of that name do not count", () => {
  const of = (content: string, type = ChaincodeSpec_Type.NODE) =>
    connectionFileOf(
      type === ChaincodeSpec_Type.GOLANG
        ? written(type, "x", { "src/ex.org/x/connection.json": content }, "ex.org/x")
        : written(type, "x", { "src/connection.json": content }),
    );
  assert.deepEqual(of('{"address":"cc:9999","dial_timeout":"10s"}'), {
    address: "cc:9999",
    dialTimeoutMs: 10_000,
    tls: undefined,
  });
  assert.equal(of('{"address":"cc:1"}', ChaincodeSpec_Type.GOLANG)?.dialTimeoutMs, 3_000);
  const secured = '{"address":"cc:1","tls_required":true,"root_cert":"ROOT"}';
  assert.deepEqual(of(secured)?.tls, {
    rootCertificate: "ROOT",
    clientCertificate: "",
    clientKey: "",
    serverNameOverride: "",
  });
  assert.equal(of('{"name":"test-network","organizations":{}}'), undefined);
  assert.equal(connectionFileOf(chaincode), undefined);
  for (
    const [content, reason] of [
      ["{", /connection\.json/],
      ['{"address":5}', /address must be a text/],
      ['{"address":"nowhere"}', /must be host:port/],
      ['{"address":"cc:1","dial_timeout":"soon"}', /dial_timeout/],
      ['{"address":"cc:1","tls_required":true}', /root_cert is missing/],
      ['{"address":"cc:1","tls_required":"yes"}', /true or false/],
    ] as const
  ) {
    assert.throws(() => of(content), { code: "invalid-connection-file", message: reason });
  }
});
