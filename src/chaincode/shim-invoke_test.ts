import assert from "node:assert/strict";
import { create, fromBinary } from "@bufbuild/protobuf";
import { until } from "../../tests/support/until.ts";
import { text, utf8 } from "../base/bytes.ts";
import { ChaincodeSpecSchema } from "../gen/peer/chaincode_pb.ts";
import {
  ChaincodeMessage_Type as Type,
  ChaincodeMessageSchema,
  PutStateSchema,
} from "../gen/peer/chaincode_shim_pb.ts";
import { ResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import type { SystemChaincodeCall } from "../syscc/types.ts";
import { FakeSimulator } from "./testing/fake-simulator.ts";
import { type MiniChaincode, type MiniStub, ok } from "./testing/mini-shim.ts";
import { fakePackage, input, PeerFixture } from "./testing/peer-fixture.ts";

/** Calls as the shims do, and gives the called chaincode's last message. */
async function call(stub: MiniStub, name: string, ...args: string[]) {
  const spec = create(ChaincodeSpecSchema, {
    chaincodeId: { name },
    input: { args: args.map(utf8) },
  });
  const payload = await stub.request(Type.INVOKE_CHAINCODE, ChaincodeSpecSchema, spec);
  return fromBinary(ChaincodeMessageSchema, payload);
}

const writer: MiniChaincode = async (stub) => {
  const put = create(PutStateSchema, { key: "k", value: utf8(stub.args[0] ?? "") });
  await stub.request(Type.PUT_STATE, PutStateSchema, put);
  return ok(`${stub.channelId}/${stub.txId}`);
};

/** A caller that passes its arguments on and answers with the callee's response payload. */
const caller: MiniChaincode = async (stub) => {
  const [name, ...args] = stub.args;
  const last = await call(stub, name, ...args);
  if (last.type === Type.ERROR) return ok(`ERROR ${text(last.payload)}`);
  return ok(fromBinary(ResponseSchema, last.payload).payload);
};

async function withCaller(
  work: (
    peer: PeerFixture,
    run: (...args: string[]) => Promise<string>,
    simulator: FakeSimulator,
  ) => Promise<void>,
  peer = new PeerFixture(),
): Promise<void> {
  peer.deploy("caller", "1.0", { chaincode: caller });
  peer.deploy("writer", "3.1", { chaincode: writer });
  const simulator = new FakeSimulator("t");
  const run = async (...args: string[]) => {
    const params = peer.params({ txId: "t", simulator });
    const { response } = await peer.host.execute(params, "caller", "1.0", input(...args));
    return text(response.payload);
  };
  try {
    await work(peer, run, simulator);
  } finally {
    await peer.host.close();
  }
}

Deno.test("same channel: launches the callee, writes to the caller's simulator under the callee's name", async () => {
  await withCaller(async (peer, run, simulator) => {
    assert.equal(await run("writer", "v"), "ch/t");
    assert.equal(text(simulator.writes.get("writer/k") ?? utf8("")), "v");
    assert.deepEqual(peer.aclChecks, ["peer/ChaincodeToChaincode ch"]);
    assert.equal(simulator.isDone, false);
  });
});

Deno.test("another channel: its own simulator, which is thrown away", async () => {
  await withCaller(async (peer, run, simulator) => {
    const other = new FakeSimulator("t");
    peer.ledgers.set("other", other);
    assert.equal(await run("writer/other", "v"), "other/t");
    assert.deepEqual(simulator.calls, []);
    assert.deepEqual(other.calls, ["put writer/k"]);
    assert.equal(other.isDone, true);
    assert.deepEqual(peer.aclChecks, ["peer/ChaincodeToChaincode other"]);
  });
});

Deno.test("refusals carry Fabric's texts to the caller", async () => {
  await withCaller(async (_peer, run) => {
    const prefix =
      /transaction returned with failure: INVOKE_CHAINCODE failed: transaction ID: t: /;
    const refused = async (expected: string, ...args: string[]) => {
      const error = await run(...args).then(() => assert.fail("not refused"), (e: Error) => e);
      assert.match(error.message, prefix);
      assert.equal(error.message.replace(/^.*transaction ID: t: /, ""), expected);
    };
    await refused("chaincode nosuch not found", "nosuch");
    await refused("failed to find ledger for channel: nowhere", "writer/nowhere");
    await refused("access denied", "writer/forbidden");
    await refused("execute failed: error sending: txid: t(ch) exists", "caller", "writer");
  });
});

Deno.test("a failing callee: its ERROR message reaches the caller, who may go on", async () => {
  await withCaller(async (peer, run) => {
    peer.deploy("failing", "1", { chaincode: () => Promise.reject(new Error("inner")) });
    assert.equal(await run("failing"), "ERROR inner");
  });
});

Deno.test("instantiation policy in the package must be the one on the ledger", async () => {
  await withCaller(async (peer, run) => {
    peer.installed.set("writer:3.1", fakePackage("writer", "3.1", utf8("other policy")));
    await assert.rejects(run("writer", "v"), /Instantiation policy mismatch for cc writer\/3\.1$/);
  });
});

Deno.test("system chaincode: called in process, with the caller's simulator; closed ones are refused", async () => {
  const calls: SystemChaincodeCall[] = [];
  const system = (name: string, invokableByChaincode: boolean) => ({
    name,
    invokableExternally: true,
    invokableByChaincode,
    invoke: (call: SystemChaincodeCall) => {
      calls.push(call);
      call.setEvent?.("upgraded", utf8("p"));
      return ok(`system ${text(call.args[0])}`);
    },
  });
  const systemChaincodes = [system("qscc", true), system("cscc", false)];
  await withCaller(async (peer, run, simulator) => {
    assert.equal(await run("qscc", "GetChainInfo"), "system GetChainInfo");
    assert.equal(calls[0].viaChaincode, true);
    assert.equal(calls[0].simulator, simulator);
    await assert.rejects(
      run("cscc", "x"),
      /system chaincode cscc cannot be invoked with a cc2cc invocation$/,
    );
    assert.deepEqual(peer.aclChecks, []);

    const direct = await peer.host.execute(
      peer.params({ txId: "d", channelId: "", simulator: undefined }),
      "qscc",
      "",
      input("direct"),
    );
    assert.equal(text(direct.response.payload), "system direct");
    assert.equal(calls[1].viaChaincode, false);
    assert.deepEqual(
      [direct.event?.chaincodeId, direct.event?.txId, direct.event?.eventName],
      ["qscc", "d", "upgraded"],
    );
  }, new PeerFixture({ systemChaincodes }));
});

Deno.test("when the caller's time is up, the callee can no longer write", async () => {
  let proceed = () => {};
  const held = new Promise<void>((resolve) => proceed = resolve);
  let refused: Promise<unknown> | undefined;
  await withCaller(async (peer, run, simulator) => {
    peer.deploy("slow", "1", {
      chaincode: async (stub) => {
        await held;
        refused = Promise.resolve(writer(stub));
        await refused;
        return ok();
      },
    });
    const params = peer.params({ txId: "warm", simulator: new FakeSimulator("warm") });
    await peer.host.launch("slow", "1", params.signal);
    await assert.rejects(run("slow"), /timeout expired while executing transaction$/);
    simulator.done();
    proceed();
    await until("the late write", () => refused !== undefined);
    await assert.rejects(refused!, /PUT_STATE failed: transaction ID: t: no ledger context/);
    assert.deepEqual(simulator.calls, []);
  }, new PeerFixture({ config: { executeTimeoutMs: 60 } }));
});
