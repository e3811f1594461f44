import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { until } from "../../tests/support/until.ts";
import { text, utf8 } from "../base/bytes.ts";
import { CollectionConfigPackageSchema } from "../gen/common/collection_pb.ts";
import { ChaincodeEventSchema } from "../gen/peer/chaincode_event_pb.ts";
import { ChaincodeInputSchema } from "../gen/peer/chaincode_pb.ts";
import {
  ChaincodeMessage_Type as Type,
  DelStateSchema,
  GetStateMetadataSchema,
  GetStateSchema,
  PutStateMetadataSchema,
  PutStateSchema,
  StateMetadataResultSchema,
} from "../gen/peer/chaincode_shim_pb.ts";
import { FakeSimulator } from "./testing/fake-simulator.ts";
import { type MiniStub, ok } from "./testing/mini-shim.ts";
import { deploymentSpec, input, PeerFixture, withChaincode } from "./testing/peer-fixture.ts";

const getState = (stub: MiniStub, key: string, collection = "") =>
  stub.request(Type.GET_STATE, GetStateSchema, create(GetStateSchema, { key, collection }));

const putState = (stub: MiniStub, key: string, value: string, collection = "") =>
  stub.request(
    Type.PUT_STATE,
    PutStateSchema,
    create(PutStateSchema, { key, value: utf8(value), collection }),
  );

function withCollection(memberOnlyRead: boolean): Map<string, Uint8Array> {
  const collections = create(CollectionConfigPackageSchema, {
    config: [{
      payload: {
        case: "staticCollectionConfig",
        value: {
          name: "secret",
          memberOnlyRead,
          memberOrgsPolicy: { payload: { case: "signaturePolicy", value: {} } },
        },
      },
    }],
  });
  return new Map([
    ["lscc/mycc~collection", toBinary(CollectionConfigPackageSchema, collections)],
    ["mycc/secret/k", utf8("hidden")],
  ]);
}

Deno.test("register: REGISTERED, then READY, then transactions with input, proposal and channel", async () => {
  await withChaincode((stub) => ok(stub.args.join(",")), async (peer) => {
    const params = peer.params({ decorations: { d: utf8("x") } });
    const result = await peer.host.execute(params, "mycc", "1.0", input("a", "b"));
    assert.equal(text(result.response.payload), "a,b");
    const received = peer.runtime.instances[0].shim?.received ?? [];
    assert.deepEqual(received.map((m) => m.type), [
      Type.REGISTERED,
      Type.READY,
      Type.TRANSACTION,
    ]);
    const sent = received[2];
    assert.equal(sent.channelId, "ch");
    assert.equal(sent.txid, params.txId);
    assert.deepEqual(sent.proposal, params.signedProposal);
    assert.equal(text(fromBinary(ChaincodeInputSchema, sent.payload).decorations.d), "x");
  });
});

Deno.test("state: reads and writes go to the simulator in the chaincode's own namespace", async () => {
  const state = new Map([["mycc/a", utf8("1")]]);
  await withChaincode(async (stub) => {
    const value = await getState(stub, "a");
    assert.equal((await getState(stub, "missing")).length, 0);
    await putState(stub, "b", text(value) + "2");
    await stub.request(Type.DEL_STATE, DelStateSchema, create(DelStateSchema, { key: "c" }));
    return ok(value);
  }, async (peer) => {
    const simulator = new FakeSimulator("t", state);
    const result = await peer.host.execute(
      peer.params({ txId: "t", simulator }),
      "mycc",
      "1.0",
      input(),
    );
    assert.equal(text(result.response.payload), "1");
    assert.deepEqual(simulator.calls, [
      "get mycc/a",
      "get mycc/missing",
      "put mycc/b",
      "delete mycc/c",
    ]);
    assert.equal(text(simulator.writes.get("mycc/b") ?? utf8("")), "12");
  });
});

Deno.test("metadata: needs the capability, passes entries through", async () => {
  await withChaincode(async (stub) => {
    const metadata = { metakey: "VALIDATION_PARAMETER", value: utf8("p") };
    await stub.request(
      Type.PUT_STATE_METADATA,
      PutStateMetadataSchema,
      create(PutStateMetadataSchema, { key: "k", metadata }),
    );
    return ok(
      await stub.request(
        Type.GET_STATE_METADATA,
        GetStateMetadataSchema,
        create(GetStateMetadataSchema, { key: "k" }),
      ),
    );
  }, async (peer) => {
    const simulator = new FakeSimulator("t");
    const params = peer.params({ simulator });
    const { response } = await peer.host.execute(params, "mycc", "1.0", input());
    const { entries } = fromBinary(StateMetadataResultSchema, response.payload);
    assert.deepEqual(entries.map((e) => e.metakey), ["VALIDATION_PARAMETER"]);
    assert.deepEqual([...simulator.metadataWrites.keys()], ["mycc/k"]);

    peer.keyLevelEndorsement = false;
    await assert.rejects(
      peer.host.execute(peer.params({ txId: "t2" }), "mycc", "1.0", input()),
      /PUT_STATE_METADATA failed: transaction ID: t2: key level endorsement is not enabled, channel application capability of V1_3 or later is required$/,
    );
  });
});

Deno.test("private data: open collections are readable, member-only ones for members alone", async () => {
  await withChaincode(async (stub) => ok(await getState(stub, "k", stub.args[0])), async (peer) => {
    const run = (collection: string, memberOnly: boolean) => {
      const simulator = new FakeSimulator("t", withCollection(memberOnly));
      return peer.host.execute(
        peer.params({ txId: "t", simulator }),
        "mycc",
        "1.0",
        input(collection),
      );
    };
    peer.isMember = false;
    assert.equal(text((await run("secret", false)).response.payload), "hidden");
    await assert.rejects(
      run("secret", true),
      /^DenimError: transaction returned with failure: GET_STATE failed: transaction ID: t: tx creator does not have read access permission on privatedata in chaincodeName:mycc collectionName: secret$/,
    );
    peer.isMember = true;
    assert.equal(text((await run("secret", true)).response.payload), "hidden");
    await assert.rejects(run("nosuch", true), /collection ch\/mycc\/nosuch could not be found$/);
  });
});

Deno.test("private data: refused in Init, for reads, writes and hashes", async () => {
  await withChaincode(async (stub) => {
    const texts: string[] = [];
    const keep = (error: Error) => {
      texts.push(error.message);
      return new Uint8Array();
    };
    await getState(stub, "k", "secret").catch(keep);
    await putState(stub, "k", "v", "secret").catch(keep);
    await stub.request(
      Type.GET_PRIVATE_DATA_HASH,
      GetStateSchema,
      create(GetStateSchema, { key: "k", collection: "secret" }),
    ).catch(keep);
    return ok(texts.join("\n"));
  }, async (peer) => {
    const simulator = new FakeSimulator("t", withCollection(false));
    const params = peer.params({ txId: "t", simulator });
    const { response } = await peer.host.executeInit(params, deploymentSpec("mycc", "1.0"));
    const refusal =
      "failed: transaction ID: t: private data APIs are not allowed in chaincode Init()";
    assert.deepEqual(text(response.payload).split("\n"), [
      `GET_STATE ${refusal}`,
      `PUT_STATE ${refusal}`,
      `GET_PRIVATE_DATA_HASH ${refusal}`,
    ]);
    assert.deepEqual(simulator.calls, []);
  });
});

Deno.test("event: chaincode id and transaction id are the peer's, whatever the chaincode wrote", async () => {
  await withChaincode((stub) => {
    stub.event = create(ChaincodeEventSchema, {
      chaincodeId: "other",
      txId: "forged",
      eventName: "created",
      payload: utf8("p"),
    });
    return ok();
  }, async (peer) => {
    const { event } = await peer.host.execute(
      peer.params({ txId: "t9" }),
      "mycc",
      "1.0",
      input(),
    );
    assert.equal(event?.chaincodeId, "mycc");
    assert.equal(event?.txId, "t9");
    assert.equal(event?.eventName, "created");
  });
});

Deno.test("error of the chaincode: its text after Fabric's prefix", async () => {
  await withChaincode(() => Promise.reject(new Error("boom")), async (peer) => {
    await assert.rejects(
      peer.host.execute(peer.params(), "mycc", "1.0", input()),
      /^DenimError: transaction returned with failure: boom$/,
    );
  });
});

Deno.test("another's transaction: no context, no effect, the stream lives", async () => {
  const simulator = new FakeSimulator("victim");
  await withChaincode(async (stub) => {
    if (stub.args[0] === "wait") {
      return await new Promise((done) => setTimeout(() => done(ok()), 50));
    }
    const { shim } = stub;
    const put = create(PutStateSchema, { key: "k", value: utf8("evil") });
    shim.send({
      type: Type.PUT_STATE,
      channelId: "ch",
      txid: "victim",
      payload: toBinary(PutStateSchema, put),
    });
    shim.send({ type: Type.COMPLETED, channelId: "ch", txid: "victim" });
    return ok();
  }, async (peer) => {
    peer.deploy("victimcc", "1.0", {
      chaincode: () => new Promise((done) => setTimeout(() => done(ok("mine")), 50)),
    });
    const victim = peer.host.execute(
      peer.params({ txId: "victim", simulator }),
      "victimcc",
      "1.0",
      input(),
    );
    await peer.host.execute(peer.params(), "mycc", "1.0", input("attack"));
    assert.equal(text((await victim).response.payload), "mine");
    assert.deepEqual(simulator.calls, []);
    await peer.host.execute(peer.params(), "mycc", "1.0", input("attack"));
  });
});

Deno.test("timeout: Fabric's text, iterators closed, late messages touch nothing", async () => {
  let late: Promise<unknown> | undefined;
  let release = () => {};
  const held = new Promise<void>((resolve) => release = resolve);
  const peer = new PeerFixture({ config: { executeTimeoutMs: 60 } });
  await withChaincode(async (stub) => {
    late = held.then(() => putState(stub, "late", "x"));
    await held;
    await late.catch(() => {});
    return ok();
  }, async () => {
    const simulator = new FakeSimulator("slow");
    await assert.rejects(
      peer.host.execute(peer.params({ txId: "slow", simulator }), "mycc", "1.0", input()),
      /^DenimError: failed to execute transaction slow: error sending: timeout expired while executing transaction$/,
    );
    simulator.done();
    release();
    await assert.rejects(
      late ?? Promise.resolve(),
      /PUT_STATE failed: transaction ID: slow: no ledger context/,
    );
    assert.deepEqual(simulator.calls, []);
    assert.equal(peer.host.connected()[0].activeTransactions, 0);
  }, peer);
});

Deno.test("cancellation: the caller is answered at once and the transaction is over", async () => {
  const cancel = new AbortController();
  await withChaincode(() => {
    cancel.abort();
    return new Promise(() => {});
  }, async (peer) => {
    await assert.rejects(
      peer.host.execute(peer.params({ signal: cancel.signal }), "mycc", "1.0", input()),
      { code: "cancelled" },
    );
    assert.equal(peer.host.connected()[0].activeTransactions, 0);
  });
});

Deno.test("the same transaction twice at once is refused, the first one completes", async () => {
  let finish = () => {};
  await withChaincode(
    () => new Promise((done) => finish = () => done(ok("first"))),
    async (peer) => {
      await peer.host.launch("mycc", "1.0");
      const first = peer.host.execute(peer.params({ txId: "same" }), "mycc", "1.0", input());
      await assert.rejects(
        peer.host.execute(peer.params({ txId: "same" }), "mycc", "1.0", input()),
        /error sending: txid: same\(ch\) exists$/,
      );
      finish();
      assert.equal(text((await first).response.payload), "first");
    },
  );
});

Deno.test("keepalive: messages go out and the chaincode's own are ignored", async () => {
  const peer = new PeerFixture({ config: { keepaliveMs: 5 } });
  await withChaincode(() => ok(), async () => {
    await peer.host.launch("mycc", "1.0");
    const { shim } = peer.runtime.instances[0];
    shim?.send({ type: Type.KEEPALIVE });
    await until(
      "a keepalive message",
      () => shim?.received.some((m) => m.type === Type.KEEPALIVE),
    );
    await peer.host.execute(peer.params(), "mycc", "1.0", input());
  }, peer);
});
