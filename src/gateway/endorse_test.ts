import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { until } from "../../tests/support/until.ts";
import { utf8 } from "../base/bytes.ts";
import { CollectionConfigPackageSchema } from "../gen/common/collection_pb.ts";
import { SignaturePolicyEnvelopeSchema } from "../gen/common/policies_pb.ts";
import { ChaincodeInterestSchema } from "../gen/discovery/protocol_pb.ts";
import { EndorseRequestSchema } from "../gen/gateway/gateway_pb.ts";
import { ProposalSchema } from "../gen/peer/proposal_pb.ts";
import type { QueryExecutor } from "../ledger/types.ts";
import { parsePolicy } from "../policy/parse-policy.ts";
import { assembleTransaction } from "../protocol/transaction.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import {
  endorsement,
  type EndorsementOptions,
  failureOf,
  proposalOf,
  refusal,
  silence,
  type TestGateway,
  type TestPeer,
  testSigner,
  withGateway,
} from "./gateway_testkit.ts";

/** A peer of each organisation, in order; all have `cc`. */
function peersOf(...mspIds: string[]): TestPeer[] {
  return mspIds.map((mspId) => ({ mspId, chaincodes: ["cc"] }));
}

const both = { cc: "AND('Org1MSP.peer','Org2MSP.peer')" };
const proposal = proposalOf(["invoke"]);

interface Request {
  readonly organizations?: string[];
  readonly proposedTransaction?: ReturnType<typeof proposalOf>;
}

/** Payload bytes of the prepared transaction. */
async function endorse(
  { gateway, context }: TestGateway,
  { organizations, proposedTransaction = proposal }: Request = {},
): Promise<Uint8Array> {
  const response = await gateway.handlers.endorse?.(
    create(EndorseRequestSchema, { proposedTransaction, endorsingOrganizations: organizations }),
    context,
  );
  const { payload, signature } = response?.preparedTransaction ?? {};
  assert.deepEqual(signature, new Uint8Array());
  return payload ?? new Uint8Array();
}

/** The transaction that a client would have made of these peers' endorsements. */
function transactionBy(...endorsers: string[]): Uint8Array {
  const responses = endorsers.map((name) => endorsement(proposal, name));
  return assembleTransaction(
    fromBinary(ProposalSchema, proposal.proposalBytes),
    responses,
    testSigner,
  )
    .payload;
}

Deno.test("as many peers as the policy asks for endorse, the gateway's own first", async () => {
  const peers = peersOf("Org1MSP", "Org1MSP", "Org2MSP", "Org2MSP");
  await withGateway({ peers, policies: both }, async (test) => {
    assert.deepEqual(await endorse(test), transactionBy("peer0", "peer2"));
    assert.deepEqual(test.asked, ["peer0:7051", "peer2:7051"]);
  });
});

Deno.test("one endorsement is enough where the policy says so", async () => {
  const policies = { cc: "OR('Org1MSP.peer','Org2MSP.peer')" };
  await withGateway({ peers: peersOf("Org1MSP", "Org2MSP"), policies }, async (test) => {
    assert.deepEqual(await endorse(test), transactionBy("peer0"));
  });
});

Deno.test("named organisations endorse, whatever the policy; an organisation counts once", async () => {
  const peers = peersOf("Org1MSP", "Org2MSP", "Org3MSP");
  await withGateway({ peers, policies: both }, async (test) => {
    const organizations = ["Org3MSP", "Org2MSP", "Org3MSP"];
    assert.deepEqual(await endorse(test, { organizations }), transactionBy("peer2", "peer1"));
    assert.deepEqual(await failureOf(endorse(test, { organizations: ["Org8MSP", "Org1MSP"] })), {
      status: "UNAVAILABLE",
      message: "failed to find any endorsing peers for org(s): Org8MSP",
      details: [],
    });
  });
});

Deno.test("another peer of the organisation stands in for one that fails", async () => {
  const peers = peersOf("Org1MSP", "Org1MSP", "Org2MSP", "Org2MSP");
  const broken = (message: string) => ({ answer: () => refusal(message) });
  const network = {
    policies: both,
    peers: [{ ...peers[0], ...broken("first") }, peers[1], { ...peers[2], ...broken("second") }],
  };
  await withGateway({ ...network, peers: [...network.peers, peers[3]] }, async (test) => {
    assert.deepEqual(await endorse(test), transactionBy("peer1", "peer3"));
  });
  await withGateway(network, async (test) => {
    assert.deepEqual(await failureOf(endorse(test)), {
      status: "ABORTED",
      message:
        "failed to collect enough transaction endorsements, see attached details for more info",
      details: ["peer2:7051 Org2MSP: second"],
    });
  });
});

Deno.test("where a combination of organisations fails, another one is tried", async () => {
  const peers = peersOf("Org1MSP", "Org2MSP", "Org3MSP");
  const policies = { cc: "OutOf(2,'Org1MSP.peer','Org2MSP.peer','Org3MSP.peer')" };
  const failing = { ...peers[1], answer: () => refusal("not today") };
  await withGateway({ peers: [peers[0], failing, peers[2]], policies }, async (test) => {
    assert.deepEqual(await endorse(test), transactionBy("peer0", "peer2"));
  });
});

Deno.test("no endorsement at the own organisation: nobody else is asked", async () => {
  const peers = peersOf("Org1MSP", "Org1MSP", "Org2MSP")
    .map((peer, i) => ({ ...peer, answer: () => refusal(`error ${i}`, 500, "simulated") }));
  await withGateway({ peers, policies: both }, async (test) => {
    assert.deepEqual(await failureOf(endorse(test)), {
      status: "ABORTED",
      message: "failed to endorse transaction, see attached details for more info",
      details: [
        "peer0:7051 Org1MSP: chaincode response 500, error 0",
        "peer1:7051 Org1MSP: chaincode response 500, error 1",
      ],
    });
  });
});

Deno.test("an own organisation without the chaincode leaves the choice to discovery", async () => {
  const peers = [{ mspId: "Org1MSP", chaincodes: [] }, ...peersOf("Org2MSP", "Org3MSP")];
  const policies = { cc: "AND('Org2MSP.peer','Org3MSP.peer')" };
  await withGateway({ peers, policies }, async (test) => {
    assert.deepEqual(await endorse(test), transactionBy("peer1", "peer2"));
    const secret = { transient: { secret: utf8("v") } };
    assert.deepEqual(
      await failureOf(endorse(test, { proposedTransaction: proposalOf(["x"], secret) })),
      {
        status: "FAILED_PRECONDITION",
        message: "no endorsers found in the gateway's organization; retry specifying endorsing " +
          "organization(s) to protect transient data",
        details: [],
      },
    );
  });
});

Deno.test("a first endorsement that the policy does not need does not count", async () => {
  const policies = { cc: "OR('Org2MSP.peer')" };
  await withGateway({ peers: peersOf("Org1MSP", "Org2MSP"), policies }, async (test) => {
    assert.deepEqual(await endorse(test), transactionBy("peer1"));
    assert.deepEqual(test.asked, ["peer0:7051", "peer1:7051"]);
  });
});

Deno.test("results that differ are an error, and logged in detail", async () => {
  const logged: [string, Record<string, unknown>?][] = [];
  const logger = {
    debug() {},
    info() {},
    error() {},
    warn: (message: string, facts?: Record<string, unknown>) => logged.push([message, facts]),
    named: () => logger,
  };
  const [first, second] = peersOf("Org1MSP", "Org2MSP");
  const different: EndorsementOptions = {
    payload: "other",
    record: (set) => {
      set.addWrite("cc", "key", utf8("different"));
      set.addRead("cc", "more", undefined);
    },
  };
  const peers = [first, {
    ...second,
    answer: () => endorsement(proposal, "peer1", different),
  }];
  const dependencies = { logger };
  await withGateway({ peers, policies: both, dependencies }, async (test) => {
    const { status, details } = await failureOf(endorse(test));
    assert.equal(status, "ABORTED");
    assert.deepEqual(details, ["peer1:7051 Org2MSP: ProposalResponsePayloads do not match"]);
  });
  const kinds = logged.flatMap(([message, facts]) =>
    message === "Proposal response mismatch:" ? [facts?.type] : []
  );
  assert.deepEqual(kinds, [
    "write value mismatch",
    "extraneous read",
    "chaincode response mismatch",
  ]);
});

Deno.test("an answer that is no endorsement is an error", async () => {
  const [first, second] = peersOf("Org1MSP", "Org2MSP");
  const bare = { ...endorsement(proposal, "peer1"), endorsement: undefined };
  await withGateway({
    peers: [first, { ...second, answer: () => bare }],
    policies: both,
  }, async (test) => {
    const { details } = await failureOf(endorse(test));
    assert.deepEqual(details, ["peer1:7051 Org2MSP: proposal response carries no endorsement"]);
  });
  const alone = { ...first, answer: () => bare };
  await withGateway({ peers: [alone] }, async (test) => {
    assert.equal((await failureOf(endorse(test))).status, "ABORTED");
  });
});

Deno.test("the first endorsement tells who else must endorse: interests, and read-write sets without them", async () => {
  const write = (set: Parameters<NonNullable<EndorsementOptions["record"]>>[0]) => {
    set.addWrite("cc", "key", utf8("v"));
    set.addWrite("other", "key", utf8("v"));
  };
  const policies = { cc: "OR('Org1MSP.peer')", other: "OR('Org2MSP.peer')" };
  const interest = create(ChaincodeInterestSchema, {
    chaincodes: [{ name: "cc" }, { name: "other" }],
  });
  for (const options of [{ record: write }, { interest }]) {
    const peers = ["Org1MSP", "Org2MSP"].map((mspId, i): TestPeer => ({
      mspId,
      chaincodes: ["cc", "other"],
      answer: (signed) => endorsement(signed, `peer${i}`, options),
    }));
    await withGateway({ peers, policies }, async (test) => {
      await endorse(test);
      assert.deepEqual(test.asked, ["peer0:7051", "peer1:7051"]);
      assert.deepEqual(
        test.interests[0].chaincodes.map(({ name }) => name),
        ["cc", "other"],
      );
    });
  }
});

Deno.test("keys with policies of their own: this peer's state tells them for peers that do not", async () => {
  const policy = toBinary(SignaturePolicyEnvelopeSchema, parsePolicy("OR('Org2MSP.peer')"));
  const state: Partial<QueryExecutor> = {
    getStateMetadata: () => new Map([["VALIDATION_PARAMETER", policy]]),
    done: () => {},
  };
  const ledger = { newQueryExecutor: () => state as QueryExecutor };
  await withGateway({ peers: peersOf("Org1MSP", "Org2MSP"), ledger }, async (test) => {
    assert.deepEqual(await endorse(test), transactionBy("peer1"));
  });
});

const collections = toBinary(
  CollectionConfigPackageSchema,
  create(CollectionConfigPackageSchema, {
    config: ["Org1MSP", "Org2MSP"].map((mspId) => ({
      payload: {
        case: "staticCollectionConfig" as const,
        value: {
          name: mspId,
          memberOrgsPolicy: {
            payload: {
              case: "signaturePolicy" as const,
              value: parsePolicy(`OR('${mspId}.member')`),
            },
          },
        },
      },
    })),
  }),
);

Deno.test("transient data goes to members of the collections only", async () => {
  const privately = (collection: string, policy: string) => ({
    policies: { cc: policy },
    collections: { cc: collections },
    peers: peersOf("Org1MSP", "Org2MSP").map((peer, i): TestPeer => ({
      ...peer,
      answer: (signed) =>
        endorsement(signed, `peer${i}`, {
          interest: create(ChaincodeInterestSchema, {
            chaincodes: [{ name: "cc", collectionNames: [collection], noPrivateReads: true }],
          }),
        }),
    })),
  });
  const secret = proposalOf(["x"], { transient: { secret: utf8("v") } });
  const either = "OR('Org1MSP.peer','Org2MSP.peer')";
  await withGateway(privately("Org1MSP", either), async (test) => {
    await endorse(test, { proposedTransaction: secret });
    assert.deepEqual(test.asked, ["peer0:7051"]);
    assert.equal(test.interests[0].chaincodes[0].noPrivateReads, false);
  });
  await withGateway(privately("Org1MSP", both.cc), async (test) => {
    const failure = await failureOf(endorse(test, { proposedTransaction: secret }));
    assert.deepEqual(failure, {
      status: "FAILED_PRECONDITION",
      message:
        "requires endorsement from organisation(s) that are not in the distribution policy " +
        "of the private data collection(s): [Org1MSP]; retry specifying trusted endorsing " +
        "organizations to protect transient data",
      details: [],
    });
    assert.deepEqual(test.asked, ["peer0:7051"], "the other one has not seen it");
    // Without transient data in the proposal there is nothing to protect.
    await endorse(test);
    await endorse(test, {
      proposedTransaction: secret,
      organizations: ["Org1MSP", "Org2MSP"],
    });
  });
});

Deno.test("a policy that nobody can satisfy is FAILED_PRECONDITION with the reason", async () => {
  const peers = peersOf("Org1MSP");
  await withGateway({ peers, policies: both }, async (test) => {
    const { status, message } = await failureOf(endorse(test));
    assert.equal(status, "FAILED_PRECONDITION");
    assert.equal(
      message,
      "no combination of peers can be derived which satisfy the endorsement policy: cannot " +
        "satisfy any principal combination",
    );
  });
  await withGateway({ peers, policies: {} }, async (test) => {
    assert.match(
      (await failureOf(endorse(test))).message,
      /: No metadata was found for chaincode cc in channel mychannel$/,
    );
  });
});

Deno.test("endorsers of one combination are asked at the same time", async () => {
  const [first, ...others] = peersOf("Org1MSP", "Org2MSP", "Org3MSP");
  let waiting = 0;
  const { promise: allThere, resolve } = Promise.withResolvers<void>();
  const peers = [
    first,
    ...others.map((peer, i): TestPeer => ({
      ...peer,
      answer: async (signed) => {
        if (++waiting === others.length) resolve();
        await allThere;
        return endorsement(signed, `peer${i + 1}`);
      },
    })),
  ];
  const policies = { cc: "AND('Org1MSP.peer','Org2MSP.peer','Org3MSP.peer')" };
  await withGateway({ peers, policies }, async (test) => {
    assert.deepEqual(await endorse(test), transactionBy("peer0", "peer1", "peer2"));
  });
});

Deno.test("a call that is cancelled ends at any of its steps", async () => {
  for (const hanging of [0, 1]) {
    const peers = peersOf("Org1MSP", "Org2MSP")
      .map((peer, i) => i === hanging ? { ...peer, answer: silence } : peer);
    await withGateway({ peers, policies: both }, async (test) => {
      const call = failureOf(endorse(test));
      await until("the peer that hangs is asked", () => test.asked.length > hanging);
      test.cancel.abort(new RpcError(GrpcStatus.CANCELLED, "context canceled"));
      assert.equal((await call).status, "CANCELLED");
      assert.equal(test.gateway.usage().calls, 0);
    });
  }
});

Deno.test("a proposal that cannot be read is INVALID_ARGUMENT", async () => {
  await withGateway({}, async (test) => {
    const send = (proposalBytes: Uint8Array) =>
      failureOf(endorse(test, { proposedTransaction: { ...proposal, proposalBytes } }));
    assert.deepEqual(await send(new Uint8Array()), {
      status: "INVALID_ARGUMENT",
      message: "the proposed transaction must contain a signed proposal",
      details: [],
    });
    assert.match((await send(Uint8Array.of(0xff))).message, /^error unmarshaling Proposal: /);
  });
});
