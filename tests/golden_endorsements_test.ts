/**
 * Every recorded proposal, sent over gRPC and TLS to a running peer that has the recorded ledger,
 * is answered as the recorded peer answered: the bytes that are signed, status, message, and the
 * text of refusals. Chaincode runs as processes: the recorded Go packages where Go can build them,
 * and a twin of the same code in JavaScript everywhere.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { concat } from "../src/base/bytes.ts";
import { messageOf } from "../src/base/errors.ts";
import { ChaincodeSpec_Type } from "../src/gen/peer/chaincode_pb.ts";
import {
  type ProposalResponse,
  ProposalResponseSchema,
} from "../src/gen/peer/proposal_response_pb.ts";
import { ConfigTreeSchema } from "../src/gen/peer/resources_pb.ts";
import { GrpcStatus, RpcError } from "../src/rpc/status.ts";
import { goTest } from "./support/go.ts";
import { goldenFile, goldenProposals, type RecordedProposal } from "./support/golden.ts";
import { GoldenNode, packageOf } from "./support/golden-node.ts";
import { root } from "./support/runtime.ts";

const proposals = goldenProposals();
const height = proposals[0].Height;

/** The chaincode answers by ending; the recorded peer noticed that only after its execute timeout. */
const panic = "60-panic";
/** The answer holds maps, which Go writes in random order: compared as a message. */
const unordered = "58-cscc-configtree";
/** Starts a chaincode, and writes the digests of its package. */
const deploys = "40-lscc-deploy-assetcc3";
/** These start or call the recorded chaincode; all others end before, or in a system chaincode. */
const runsChaincode = ({ Name, Chaincode, GRPCError }: RecordedProposal) =>
  Name === deploys || GRPCError === undefined && ["assetcc", "othercc"].includes(Chaincode);

function recordedResponse({ Name }: RecordedProposal): ProposalResponse | undefined {
  const file = new URL(`testdata/golden/proposals/${Name}.response`, import.meta.url);
  if (!existsSync(file)) return undefined;
  return fromBinary(ProposalResponseSchema, goldenFile(`proposals/${Name}.response`));
}

/** Sends one and compares everything but the endorsement's signature, which is random: it must hold. */
async function compare(peer: GoldenNode, proposal: RecordedProposal): Promise<void> {
  const expected = recordedResponse(proposal);
  if (expected === undefined) {
    await assert.rejects(peer.processRecorded(proposal.Name), (error) => {
      assert.ok(error instanceof RpcError, messageOf(error));
      assert.equal(error.status, GrpcStatus.UNKNOWN);
      assert.equal(`rpc error: code = Unknown desc = ${error.message}`, proposal.GRPCError);
      return true;
    });
    return;
  }
  const actual = await peer.processRecorded(proposal.Name);
  if (proposal.Name === unordered) {
    const tree = ({ response }: ProposalResponse) =>
      fromBinary(ConfigTreeSchema, response?.payload ?? new Uint8Array());
    assert.deepEqual(tree(actual), tree(expected));
    return;
  }
  assert.deepEqual(actual.response, expected.response);
  assert.deepEqual(actual.payload, expected.payload);
  assert.equal(actual.version, expected.version);
  assert.deepEqual(actual.timestamp, expected.timestamp);
  assert.deepEqual(actual.endorsement?.endorser, expected.endorsement?.endorser);
  assert.equal(actual.endorsement !== undefined, proposal.Endorsed);
  if (actual.endorsement === undefined) return;
  const { endorser, signature } = actual.endorsement;
  const identity = peer.node.channels.bundle("mychannel")?.mspManager.deserializeIdentity(endorser);
  assert.ok(identity?.verify(concat(actual.payload, endorser), signature));
}

async function compareAll(
  t: Deno.TestContext,
  peer: GoldenNode,
  chosen: readonly RecordedProposal[],
): Promise<void> {
  for (const proposal of chosen) await t.step(proposal.Name, () => compare(peer, proposal));
}

/** One that ends its chaincode, and the next call of it. */
async function compareEnded(t: Deno.TestContext, peer: GoldenNode): Promise<void> {
  await t.step(`${panic}: answered at once, and the next call starts it again`, async () => {
    const { response } = await peer.processRecorded(panic);
    const [before] = named(panic).Message.split(": ");
    assert.equal(response?.status, named(panic).Status);
    assert.ok(response.message.startsWith(`${before}: `), response.message);
    assert.match(response.message, /container exited with 2: .*panic: asked to panic/s);
    await compare(peer, named("19-cc2cc-write"));
  });
}

function named(name: string): RecordedProposal {
  const proposal = proposals.find(({ Name }) => Name === name);
  assert.ok(proposal);
  return proposal;
}

Deno.test("all recorded proposals are at one height", () => {
  assert.equal(proposals.length, 66);
  assert.deepEqual([...new Set(proposals.map(({ Height }) => Height))], [height]);
});

Deno.test("recorded proposals to system chaincodes, and refused ones, are answered as recorded", async (t) => {
  await using peer = await GoldenNode.start({ height });
  const chosen = proposals.filter((proposal) => !runsChaincode(proposal));
  await compareAll(t, peer, chosen);
  assert.equal(peer.node.chaincode.launchRecords().length, 0);
});

goTest(
  "recorded proposals to the recorded Go chaincode are answered byte for byte as recorded",
  async (t) => {
    await using peer = await GoldenNode.start({ height });
    const chosen = proposals.filter((proposal) =>
      runsChaincode(proposal) && proposal.Name !== panic
    );
    await compareAll(t, peer, chosen);
    await compareEnded(t, peer);
  },
);

Deno.test("recorded proposals to a JavaScript twin of the chaincode are answered byte for byte as recorded", async (t) => {
  const twin = join(root, "tests/testdata/chaincode/asset-twin-js");
  const substitute = (name: string, version: string) =>
    packageOf(ChaincodeSpec_Type.NODE, twin, name, version);
  await using peer = await GoldenNode.start({
    height,
    substitutes: [substitute("assetcc", "2.0"), substitute("othercc", "1.0")],
  });
  // A deployment writes the digests of its package, which are the Go package's.
  const chosen = proposals.filter((proposal) =>
    runsChaincode(proposal) && ![panic, deploys].includes(proposal.Name)
  );
  await compareAll(t, peer, chosen);
  await compareEnded(t, peer);
});
