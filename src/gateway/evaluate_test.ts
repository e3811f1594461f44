import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { text, utf8 } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { EvaluateRequestSchema } from "../gen/gateway/gateway_pb.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import {
  failureOf,
  proposalOf,
  refusal,
  silence,
  type TestGateway,
  type TestPeer,
  withGateway,
} from "./gateway_testkit.ts";

const org = (mspId: string, more: Partial<TestPeer> = {}): TestPeer => ({
  mspId,
  chaincodes: ["cc"],
  ...more,
});

/** The result as text. */
async function evaluate(
  { gateway, context }: TestGateway,
  request: {
    targets?: string[];
    transient?: Record<string, Uint8Array>;
    chaincode?: string;
    channelId?: string;
  } = {},
): Promise<string> {
  const { targets, transient, chaincode, channelId } = request;
  const options = { transient, ...channelId !== undefined && { channelId } };
  const response = await gateway.handlers.evaluate?.(
    create(EvaluateRequestSchema, {
      proposedTransaction: proposalOf(["query"], options, chaincode),
      targetOrganizations: targets,
    }),
    context,
  );
  return text(response?.result?.payload ?? new Uint8Array());
}

Deno.test("a query goes to the gateway's organisation, the highest peer of it first", async () => {
  const peers = [
    org("Org1MSP", { height: 5 }),
    org("Org2MSP", { height: 9 }),
    org("Org1MSP", { height: 7 }),
  ];
  await withGateway({ peers }, async (test) => {
    assert.equal(await evaluate(test), "result");
    assert.deepEqual(test.asked, ["peer2:7051"]);
  });
});

Deno.test("among peers of one height the gateway's own comes first; its ledger is asked, not gossip", async () => {
  const peers = [org("Org1MSP", { height: 5 }), org("Org1MSP", { height: 5 })];
  await withGateway({ peers }, async (test) => {
    await evaluate(test);
    assert.deepEqual(test.asked, ["peer0:7051"]);
  });
  const info = () => ({
    height: 8,
    currentBlockHash: new Uint8Array(),
    previousBlockHash: new Uint8Array(),
  });
  const behind = [org("Org1MSP", { height: 2 }), org("Org1MSP", { height: 7 })];
  await withGateway({ peers: behind, ledger: { info } }, async (test) => {
    await evaluate(test);
    assert.deepEqual(test.asked, ["peer0:7051"]);
  });
});

Deno.test("another organisation is asked where the own one has not the chaincode", async () => {
  const peers = [org("Org1MSP", { chaincodes: [] }), org("Org2MSP"), org("Org3MSP", { height: 4 })];
  await withGateway({ peers }, async (test) => {
    await evaluate(test);
    assert.deepEqual(test.asked, ["peer2:7051"]);
  });
});

Deno.test("target organisations are the only ones asked", async () => {
  const peers = [org("Org1MSP"), org("Org2MSP"), org("Org3MSP", { answer: () => refusal("no") })];
  await withGateway({ peers }, async (test) => {
    await evaluate(test, { targets: ["Org2MSP"] });
    assert.deepEqual(test.asked, ["peer1:7051"]);
    const failure = await failureOf(evaluate(test, { targets: ["Org3MSP"] }));
    assert.deepEqual(test.asked, ["peer1:7051", "peer2:7051"]);
    assert.deepEqual(failure.details, ["peer2:7051 Org3MSP: no"]);
    assert.deepEqual(await failureOf(evaluate(test, { targets: ["Org9MSP"] })), {
      status: "FAILED_PRECONDITION",
      message: "no peers available to evaluate chaincode cc in channel mychannel",
      details: [],
    });
  });
});

Deno.test("transient data stays in the own organisation unless others are named", async () => {
  const transient = { secret: utf8("v") };
  const peers = [org("Org1MSP", { chaincodes: [] }), org("Org2MSP")];
  await withGateway({ peers }, async (test) => {
    assert.deepEqual(await failureOf(evaluate(test, { transient })), {
      status: "FAILED_PRECONDITION",
      message: "no endorsers found in the gateway's organization; retry specifying target " +
        "organization(s) to protect transient data: no peers available to evaluate chaincode cc " +
        "in channel mychannel",
      details: [],
    });
    assert.deepEqual(test.asked, []);
    await evaluate(test, { transient, targets: ["Org2MSP"] });
    assert.deepEqual(test.asked, ["peer1:7051"]);
  });
});

Deno.test("system chaincodes are everywhere", async () => {
  await withGateway({ peers: [org("Org1MSP", { chaincodes: [] })] }, async (test) => {
    assert.equal(await evaluate(test, { chaincode: "qscc" }), "result");
  });
});

Deno.test("peers that fail are passed over; all their errors are told at the end", async () => {
  const lost = () => {
    throw new RpcError(GrpcStatus.UNAVAILABLE, "connection refused");
  };
  const peers = [
    org("Org1MSP", { answer: () => refusal("no memory"), height: 3 }),
    org("Org2MSP", { answer: lost, height: 2 }),
    org("Org3MSP"),
  ];
  await withGateway({ peers }, async (test) => {
    assert.equal(await evaluate(test), "result");
    assert.deepEqual(test.asked, ["peer0:7051", "peer1:7051", "peer2:7051"]);
  });
  await withGateway({ peers: peers.slice(0, 2) }, async (test) => {
    assert.deepEqual(await failureOf(evaluate(test)), {
      status: "UNAVAILABLE",
      message: "failed to evaluate transaction, see attached details for more info",
      details: [
        "peer0:7051 Org1MSP: no memory",
        "peer1:7051 Org2MSP: rpc error: code = Unavailable desc = connection refused",
      ],
    });
  });
});

Deno.test("an error of the chaincode itself is not tried elsewhere", async () => {
  for (const [status, payload] of [[500, "simulated"], [404, ""]] as const) {
    const answer = () => refusal("out of apples", status, payload);
    await withGateway({ peers: [org("Org1MSP", { answer }), org("Org1MSP")] }, async (test) => {
      const said = `chaincode response ${status}, out of apples`;
      assert.deepEqual(await failureOf(evaluate(test)), {
        status: "UNKNOWN",
        message: `evaluate call to endorser returned error: ${said}`,
        details: [`peer0:7051 Org1MSP: ${said}`],
      });
    });
  }
});

Deno.test("what this peer refuses is the client's fault, a refusal of others an unavailable peer", async () => {
  const answer = () => {
    throw new DenimError("access-denied", "access denied");
  };
  await withGateway({ peers: [org("Org1MSP", { answer })] }, async (test) => {
    assert.deepEqual(await failureOf(evaluate(test)), {
      status: "FAILED_PRECONDITION",
      message: "evaluate call to endorser returned error: access denied",
      details: ["peer0:7051 Org1MSP: access denied"],
    });
  });
  const peers = [org("Org1MSP", { chaincodes: [] }), org("Org2MSP", { answer })];
  await withGateway({ peers }, async (test) => {
    assert.equal((await failureOf(evaluate(test))).status, "UNAVAILABLE");
  });
});

Deno.test("a peer that hangs is given up after endorsementTimeout", async () => {
  const timeouts = { endorsementMs: 20, broadcastMs: 20, dialMs: 20 };
  const peers = [org("Org1MSP", { answer: silence }), org("Org1MSP")];
  await withGateway({ peers, dependencies: { timeouts } }, async (test) => {
    assert.equal(await evaluate(test), "result");
    assert.deepEqual(test.asked, ["peer0:7051", "peer1:7051"]);
  });
  await withGateway({ peers: peers.slice(0, 1), dependencies: { timeouts } }, async (test) => {
    const { status, details } = await failureOf(evaluate(test));
    assert.equal(status, "UNAVAILABLE");
    assert.deepEqual(details, [
      "peer0:7051 Org1MSP: rpc error: code = DeadlineExceeded desc = context deadline exceeded",
    ]);
  });
});

Deno.test("a call that is cancelled ends, and no further peer is asked", async () => {
  const peers = [org("Org1MSP", { answer: silence }), org("Org1MSP")];
  await withGateway({ peers }, async (test) => {
    const call = failureOf(evaluate(test));
    await new Promise((resolve) => setTimeout(resolve, 5));
    test.cancel.abort(new RpcError(GrpcStatus.CANCELLED, "context canceled"));
    assert.equal((await call).status, "CANCELLED");
    assert.deepEqual(test.asked, ["peer0:7051"]);
    assert.deepEqual(test.gateway.usage(), { calls: 0, waitingForCommit: 0 });
  });
});

Deno.test("a proposal that cannot be read is INVALID_ARGUMENT with the reason", async () => {
  await withGateway({}, async ({ gateway, context }) => {
    const send = (proposalBytes?: Uint8Array) =>
      failureOf(
        gateway.handlers.evaluate?.(
          create(EvaluateRequestSchema, {
            proposedTransaction: proposalBytes && { proposalBytes },
          }),
          context,
        ),
      );
    const unpack = "failed to unpack transaction proposal: ";
    for (const bytes of [undefined, new Uint8Array()]) {
      assert.deepEqual(await send(bytes), {
        status: "INVALID_ARGUMENT",
        message: `${unpack}a signed proposal is required`,
        details: [],
      });
    }
    const broken = await send(Uint8Array.of(0xff));
    assert.equal(broken.status, "INVALID_ARGUMENT");
    assert.ok(broken.message.startsWith(`${unpack}error unmarshaling Proposal: `), broken.message);
    const { proposalBytes } = proposalOf(["x"], { channelId: "" });
    assert.equal((await send(proposalBytes)).message, `${unpack}no channel id provided`);
    const unnamed = proposalOf(["x"], {}, "").proposalBytes;
    assert.equal(
      (await send(unnamed)).message,
      `${unpack}no chaincode name is provided, channel id [mychannel]`,
    );
  });
});

Deno.test("a channel that is not joined is UNAVAILABLE", async () => {
  await withGateway({}, async (test) => {
    assert.deepEqual(await failureOf(evaluate(test, { channelId: "other" })), {
      status: "UNAVAILABLE",
      message:
        "failed to get config for channel [other]: could not get last config for channel other",
      details: [],
    });
  });
});
