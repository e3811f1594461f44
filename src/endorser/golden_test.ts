import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { create, fromBinary } from "@bufbuild/protobuf";
import { silentLogger } from "../base/logger.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { ChaincodeSupport, ExecuteResult } from "../chaincode/types.ts";
import { ChaincodeEventSchema } from "../gen/peer/chaincode_event_pb.ts";
import { SignedProposalSchema } from "../gen/peer/proposal_pb.ts";
import { type ProposalResponse, ProposalResponseSchema } from "../gen/peer/proposal_response_pb.ts";
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

/** Runs system chaincodes; user chaincode is not there. */
class OnlySystemChaincodes implements ChaincodeSupport {
  constructor(readonly peer: GoldenPeer) {}

  async execute(
    ...[params, name, , input]: Parameters<ChaincodeSupport["execute"]>
  ): Promise<ExecuteResult> {
    const chaincode = this.peer.systemChaincodes.get(name);
    if (chaincode === undefined) throw new DenimError("not-here", `no chaincode ${name}`);
    let event: ExecuteResult["event"];
    const response = await chaincode.invoke({
      ...params,
      args: input.args,
      viaChaincode: false,
      setEvent: (eventName, payload) => {
        event = create(ChaincodeEventSchema, {
          chaincodeId: name,
          txId: params.txId,
          eventName,
          payload,
        });
      },
    });
    return { response, event };
  }

  executeInit(): Promise<ExecuteResult> {
    return Promise.reject(new DenimError("not-here", "no user chaincode in this test"));
  }

  launch(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}

function processorOf(peer: GoldenPeer, ends: ProposalEnd[] = []): ProposalProcessor {
  return new ProposalProcessor({
    ...peer,
    chaincode: new OnlySystemChaincodes(peer),
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

Deno.test("system chaincodes answer the recorded proposals byte for byte", async () => {
  using peer = await openGoldenPeer();
  const processor = processorOf(peer);
  // 40 deploys and initializes user chaincode; 58 answers a message with maps, whose order is Go's.
  const names = proposals.map(({ Name }) => Name)
    .filter((name) => /^(4[1-9]|5[0-7]|35)-/.test(name));
  assert.equal(names.length, 18);
  for (const name of names) {
    const expected = recordedResponse(name);
    assert.ok(expected, name);
    try {
      compare(peer, await answer(processor, name), expected);
    } catch (error) {
      throw new Error(`${name}: ${messageOf(error)}`, { cause: error });
    }
  }
});

Deno.test("the configuration tree is the recorded one", async () => {
  using peer = await openGoldenPeer();
  const actual = await answer(processorOf(peer), "58-cscc-configtree");
  const tree = (response: ProposalResponse | undefined) =>
    fromBinary(ConfigTreeSchema, response?.response?.payload ?? new Uint8Array());
  assert.deepEqual(tree(actual), tree(recordedResponse("58-cscc-configtree")));
});
