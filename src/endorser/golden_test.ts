import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { fromBinary } from "@bufbuild/protobuf";
import { silentLogger } from "../base/logger.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import { SignedProposalSchema } from "../gen/peer/proposal_pb.ts";
import { type ProposalResponse, ProposalResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import { TxPvtReadWriteSetWithConfigInfoSchema } from "../gen/transientstore/transientstore_pb.ts";
import { TwinChaincodes } from "../../tests/support/twin-chaincodes.ts";
import { collectionConfigsOf } from "./private-data.ts";
import type { Identity } from "../msp/types.ts";
import { ConfigTreeSchema } from "../gen/peer/resources_pb.ts";
import { concat } from "../base/bytes.ts";
import { goldenFile, goldenProposals, type RecordedProposal } from "../../tests/support/golden.ts";
import { goldenClock, type GoldenPeer, openGoldenPeer } from "../../tests/support/golden-peer.ts";
import { ProposalProcessor } from "./endorser.ts";
import type { ProposalEnd } from "./types.ts";

/** The recorded peer was built without a version stamp. */
const systemChaincodeVersion = "latest";

const proposals = goldenProposals();

function recordedResponse(name: string): ProposalResponse | undefined {
  const url = new URL(`../../tests/testdata/golden/proposals/${name}.response`, import.meta.url);
  if (!existsSync(url)) return undefined;
  return fromBinary(ProposalResponseSchema, goldenFile(`proposals/${name}.response`));
}

function processorOf(peer: GoldenPeer, ends: ProposalEnd[] = []): ProposalProcessor {
  return new ProposalProcessor({
    ...peer,
    chaincode: new TwinChaincodes(peer.systemChaincodes),
    clock: goldenClock,
    logger: silentLogger,
    systemChaincodeVersion,
    onProposal: ({ end }) => ends.push(end),
  });
}

async function answer(processor: ProposalProcessor, name: string): Promise<ProposalResponse> {
  const signed = fromBinary(SignedProposalSchema, goldenFile(`proposals/${name}.proposal`));
  return await processor.process(signed);
}

/** Everything but the signature, which is random; that one must hold. */
function compare(peer: GoldenPeer, actual: ProposalResponse, expected: ProposalResponse): void {
  assert.deepEqual(actual.response, expected.response);
  assert.equal(actual.version, expected.version);
  assert.deepEqual(actual.payload, expected.payload);
  assert.equal(actual.timestamp, expected.timestamp);
  assert.deepEqual(actual.endorsement?.endorser, expected.endorsement?.endorser);
  if (actual.endorsement === undefined) return;
  const { endorser, signature } = actual.endorsement;
  const identity: Identity = peer.localMsp.deserializeIdentity(endorser);
  assert.ok(identity.verify(concat(actual.payload, endorser), signature));
}

function refusedProposals(): RecordedProposal[] {
  return proposals.filter((proposal) => proposal.GRPCError !== undefined);
}

Deno.test("the recorded proposals that were refused are refused with the recorded texts", async () => {
  using peer = await openGoldenPeer();
  const ends: ProposalEnd[] = [];
  const processor = processorOf(peer, ends);
  for (const { Name, GRPCError } of refusedProposals()) {
    await assert.rejects(() => answer(processor, Name), (error: unknown) => {
      assert.ok(error instanceof DenimError, messageOf(error));
      assert.equal(`rpc error: code = Unknown desc = ${error.message}`, GRPCError, Name);
      return true;
    });
  }
  assert.equal(ends.length, refusedProposals().length);
  assert.equal(ends.filter((end) => end === "duplicate-transaction").length, 1);
  assert.equal(ends.filter((end) => end === "acl-failure").length, 1);
});

Deno.test("every recorded proposal is answered byte for byte as the recorded peer did", async (t) => {
  using peer = await openGoldenPeer();
  const processor = processorOf(peer);
  // 58 answers a message with maps, whose order is Go's; 60 panics, which a twin cannot.
  const names = proposals.filter(({ GRPCError }) => GRPCError === undefined)
    .map(({ Name }) => Name)
    .filter((name) => !["58-cscc-configtree", "60-panic"].includes(name));
  assert.equal(names.length, 54);
  for (const name of names) {
    await t.step(name, async () => {
      const expected = recordedResponse(name);
      assert.ok(expected);
      compare(peer, await answer(processor, name), expected);
    });
  }
});

Deno.test("private writes are kept with the definitions of their collections", async () => {
  using peer = await openGoldenPeer();
  const name = "22-pvtput";
  await answer(processorOf(peer), name);
  const txId = proposals.find(({ Name }) => Name === name)?.TxID ?? "";
  const [set] = peer.ledger.transientStore.get(txId);
  assert.equal(set.nsPvtRwset[0].namespace, "assetcc");
  assert.deepEqual(set.nsPvtRwset[0].collectionPvtRwset.map((c) => c.collectionName), ["both"]);
  const { collectionConfigs } = fromBinary(
    TxPvtReadWriteSetWithConfigInfoSchema,
    collectionConfigsOf(peer.ledger, set),
  );
  assert.deepEqual(
    collectionConfigs.assetcc.config.map(({ payload }) => payload.value?.name),
    ["both"],
  );
});

Deno.test("the configuration tree is the recorded one", async () => {
  using peer = await openGoldenPeer();
  const actual = await answer(processorOf(peer), "58-cscc-configtree");
  const tree = (response: ProposalResponse | undefined) =>
    fromBinary(ConfigTreeSchema, response?.response?.payload ?? new Uint8Array());
  assert.deepEqual(tree(actual), tree(recordedResponse("58-cscc-configtree")));
});
