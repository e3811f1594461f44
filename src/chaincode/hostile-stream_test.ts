/** Chaincode that breaks the protocol: its own stream ends, nothing else happens. */
import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { text, utf8 } from "../base/bytes.ts";
import {
  ChaincodeMessage_Type as Type,
  GetStateSchema,
  PutStateSchema,
} from "../gen/peer/chaincode_shim_pb.ts";
import { ResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import { FakeSimulator } from "./testing/fake-simulator.ts";
import { MiniShim, ok } from "./testing/mini-shim.ts";
import { input, PeerFixture, withChaincode } from "./testing/peer-fixture.ts";

Deno.test("hostile first messages end the stream with an error", async () => {
  const peer = new PeerFixture();
  const first = async (fields: Parameters<MiniShim["send"]>[0]) => {
    const shim = new MiniShim(peer.host, "mycc:1.0", () => ok());
    shim.send(fields);
    const error = await shim.ended;
    assert.ok(error instanceof Error);
    assert.deepEqual(shim.received, []);
    return error.message;
  };
  assert.equal(
    await first({ type: Type.GET_STATE, txid: "t" }),
    "error handling message, ending stream: [t] Fabric side handler cannot handle message (GET_STATE) while in created state",
  );
  assert.match(
    await first({ type: Type.REGISTER, payload: new Uint8Array([0xff]) }),
    /could not unmarshal registration info/,
  );
  assert.match(await first({ type: Type.REGISTER }), /name of 0 characters/);
  assert.match(
    await first({ type: Type.REGISTER, payload: new Uint8Array([0x12, 1, 0x78]) }),
    /peer will not accept external chaincode connection x \(except in dev mode\)$/,
  );
});

Deno.test("a second registration under the same name is refused, the first one stays", async () => {
  await withChaincode(() => ok("first"), async (peer) => {
    await peer.host.launch("mycc", "1.0");
    const rival = new MiniShim(peer.host, "mycc:1.0", () => ok("rival"));
    await assert.rejects(rival.register(), /duplicate chaincodeID: mycc:1.0$/);
    const { response } = await peer.host.execute(peer.params(), "mycc", "1.0", input());
    assert.equal(text(response.payload), "first");
  });
});

Deno.test("a message of the wrong kind when ready ends this stream only", async () => {
  await withChaincode((stub) => {
    stub.shim.send({ type: Type.REGISTER, txid: "again" });
    return new Promise(() => {});
  }, async (peer) => {
    peer.deploy("othercc", "1.0", { chaincode: () => ok("fine") });
    await peer.host.launch("othercc", "1.0");
    await assert.rejects(
      peer.host.execute(peer.params(), "mycc", "1.0", input()),
      /error sending: chaincode stream terminated/,
    );
    const error = await peer.runtime.instances.find((i) => i.request.chaincode.name === "mycc")
      ?.shim?.ended;
    assert.match(
      String(error),
      /\[again\] Fabric side handler cannot handle message \(REGISTER\) while in ready state$/,
    );
    const { response } = await peer.host.execute(peer.params(), "othercc", "1.0", input());
    assert.equal(text(response.payload), "fine");
  });
});

Deno.test("random messages: bounded answers, no foreign effects, the peer serves on", async () => {
  const types = Object.values(Type).filter((t): t is Type => typeof t === "number");
  const message = fc.record({
    type: fc.oneof(fc.constantFrom(...types), fc.integer({ min: -5, max: 99 })),
    txid: fc.constantFrom("", "mine", "victim", "x"),
    channelId: fc.constantFrom("", "ch", "other"),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(
        toBinary(GetStateSchema, create(GetStateSchema, { key: "k", collection: "c" })),
        toBinary(PutStateSchema, create(PutStateSchema, { key: "k", value: utf8("v") })),
        toBinary(ResponseSchema, create(ResponseSchema, { status: 200 })),
      ),
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 30 }), async (messages) => {
      const peer = new PeerFixture();
      const victim = new FakeSimulator("victim");
      let done = () => {};
      peer.deploy("victimcc", "1.0", {
        chaincode: () => new Promise((resolve) => done = () => resolve(ok("mine"))),
      });
      peer.deploy("mycc", "1.0", {
        chaincode: ({ shim }) => {
          for (const fields of messages) shim.send({ ...fields, type: fields.type as Type });
          return ok();
        },
      });
      try {
        await peer.host.launch("victimcc", "1.0");
        await peer.host.launch("mycc", "1.0");
        const params = peer.params({ txId: "victim", simulator: victim });
        const honest = peer.host.execute(params, "victimcc", "1.0", input());
        await peer.host.execute(peer.params({ txId: "mine" }), "mycc", "1.0", input())
          .catch((error) => assert.equal(error.name, "DenimError"));
        done();
        assert.equal(text((await honest).response.payload), "mine");
        assert.deepEqual(victim.calls, []);
      } finally {
        await peer.host.close();
      }
    }),
    { numRuns: 150 },
  );
});
