import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { silentLogger } from "../base/logger.ts";
import { ChaincodeIDSchema } from "../gen/peer/chaincode_pb.ts";
import {
  ChaincodeMessage_Type as Type,
  ChaincodeMessageSchema,
} from "../gen/peer/chaincode_shim_pb.ts";
import { maxUnsentMessages, Outbox } from "./outbox.ts";
import { ok } from "./testing/mini-shim.ts";
import { input, PeerFixture } from "./testing/peer-fixture.ts";
import { type RegisterServiceOptions, serveStream } from "./register-service.ts";
import { HandlerRegistry } from "./handler-registry.ts";

const message = (txid: string) => create(ChaincodeMessageSchema, { type: Type.RESPONSE, txid });

Deno.test("outbox: holds the reader back above the mark, lets it go on below half of it", async () => {
  const outbox = new Outbox();
  for (let i = 0; i < maxUnsentMessages - 1; i++) outbox.send(message(`${i}`));
  assert.equal(outbox.room(), undefined);
  outbox.send(message("last"));
  let released = false;
  const room = outbox.room()?.then(() => released = true);
  assert.ok(room);
  const reader = outbox[Symbol.asyncIterator]();
  for (let i = 0; i < maxUnsentMessages / 2; i++) {
    assert.equal((await reader.next()).value?.txid, `${i}`);
    assert.equal(released, false);
  }
  await reader.next();
  await room;
  assert.equal(outbox.room(), undefined);
});

Deno.test("outbox: what was queued goes out before the end, and before the error", async () => {
  const ended = new Outbox();
  ended.send(message("a"));
  ended.end();
  ended.send(message("too late"));
  const seen: string[] = [];
  for await (const { txid } of ended) seen.push(txid);
  assert.deepEqual(seen, ["a"]);

  const failed = new Outbox();
  failed.send(message("a"));
  failed.end(new Error("broken"));
  const reader = failed[Symbol.asyncIterator]();
  assert.equal((await reader.next()).value?.txid, "a");
  await assert.rejects(reader.next(), /broken/);
});

Deno.test("a chaincode that never reads its answers is not read either, and a stop frees it", async () => {
  const peer = new PeerFixture();
  let asked = 0;
  const flood = async function* () {
    const id = create(ChaincodeIDSchema, { name: "flood:1" });
    yield create(ChaincodeMessageSchema, {
      type: Type.REGISTER,
      payload: toBinary(ChaincodeIDSchema, id),
    });
    for (;;) {
      asked++;
      yield create(ChaincodeMessageSchema, { type: Type.GET_STATE, channelId: "ch", txid: "none" });
      await Promise.resolve();
    }
  };
  peer.deploy("mycc", "1.0", {
    chaincode: ({ shim }) => {
      for (let i = 0; i < 3 * maxUnsentMessages; i++) {
        shim.send({ type: Type.GET_STATE, channelId: "ch", txid: "none" });
      }
      return ok();
    },
  });
  // Reading its answers, even a flood of them ends well.
  await peer.host.execute(peer.params(), "mycc", "1.0", input());
  await peer.host.close();

  const registry = new HandlerRegistry(true);
  const stream = serveStream(flood(), { clientCertificate: undefined }, {
    registry,
    services: {} as RegisterServiceOptions["services"],
    authenticator: undefined,
    keepaliveMs: 0,
    logger: silentLogger,
    onClosed: () => {},
  });
  assert.equal((await stream.next()).value?.type, Type.REGISTERED);
  for (let i = 0; i < 10_000; i++) await Promise.resolve();
  assert.ok(asked > 100 && asked <= maxUnsentMessages + 2, `${asked} requests were read`);
  await stream.return();
  assert.equal(registry.handler("flood:1"), undefined);
});
