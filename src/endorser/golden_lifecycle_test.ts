import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { emptyBytes, text } from "../base/bytes.ts";
import { silentLogger } from "../base/logger.ts";
import { HeaderSchema } from "../gen/common/common_pb.ts";
import { ChaincodeEventSchema } from "../gen/peer/chaincode_event_pb.ts";
import { ChaincodeInvocationSpecSchema } from "../gen/peer/chaincode_pb.ts";
import {
  ChaincodeHeaderExtensionSchema,
  ChaincodeProposalPayloadSchema,
  ProposalSchema,
  SignedProposalSchema,
} from "../gen/peer/proposal_pb.ts";
import { decodeEnvelope } from "../protocol/envelope.ts";
import { decodeAction, decodeTransaction } from "../protocol/transaction.ts";
import { Lscc } from "../syscc/lscc/lscc.ts";
import { systemChaincodeNames, SystemChaincodes } from "../syscc/system-chaincodes.ts";
import { goldenBlocks, goldenValidation } from "../../tests/support/golden.ts";
import { goldenClock, type GoldenPeer, openGoldenPeer } from "../../tests/support/golden-peer.ts";
import { TwinChaincodes } from "../../tests/support/twin-chaincodes.ts";
import { InstantiationPolicyCheck } from "./instantiation-policy-check.ts";
import type { CheckedProposal } from "./proposal-check.ts";
import { simulate } from "./simulation.ts";

/** A recorded transaction that called lscc, with what its endorsers said. */
function lifecycleTransactions() {
  const blocks = goldenBlocks();
  return goldenValidation().flatMap(({ block, txs }) =>
    txs.filter((tx) => tx.type === "ENDORSER_TRANSACTION" && tx.name === "VALID")
      .map((tx) => decodeEnvelope(blocks[block].data?.data[tx.tx] ?? emptyBytes))
      .map((envelope) => ({
        block,
        ...envelope,
        action: decodeAction(decodeTransaction(envelope.payload.data).actions[0]),
      }))
      .filter(({ action }) => action.chaincodeAction.chaincodeId?.name === "lscc")
  );
}

type Recorded = ReturnType<typeof lifecycleTransactions>[number];

/** The proposal as it stands in the transaction; its signature is not recorded. */
function proposalOf(recorded: Recorded, peer: GoldenPeer): CheckedProposal {
  const { header, channelHeader, signatureHeader, action } = recorded;
  const proposal = create(ProposalSchema, {
    header: toBinary(HeaderSchema, header),
    payload: action.payload.chaincodeProposalPayload,
  });
  const extension = fromBinary(ChaincodeHeaderExtensionSchema, channelHeader.extension);
  const { chaincodeId } = extension;
  assert.ok(chaincodeId);
  return {
    signed: create(SignedProposalSchema, { proposalBytes: toBinary(ProposalSchema, proposal) }),
    proposal,
    header,
    channelHeader,
    signatureHeader,
    extension,
    chaincodeId,
    creator: peer.bundle.mspManager.deserializeIdentity(signatureHeader.creator),
  };
}

function functionOf({ action }: Recorded): string {
  const { input } = fromBinary(
    ChaincodeProposalPayloadSchema,
    action.payload.chaincodeProposalPayload,
  );
  const { chaincodeSpec } = fromBinary(ChaincodeInvocationSpecSchema, input);
  return text(chaincodeSpec?.input?.args[0] ?? emptyBytes);
}

Deno.test("recorded deployments and upgrades simulate to the recorded bytes at their heights", async (t) => {
  const transactions = lifecycleTransactions();
  assert.ok(transactions.length >= 3);
  for (const recorded of transactions) {
    await t.step(`block ${recorded.block} ${functionOf(recorded)}`, async () => {
      using peer = await openGoldenPeer(recorded.block);
      const acceptAll = { check() {}, checkIdentity() {} };
      const lscc = new Lscc({
        channels: peer.channels,
        packages: peer.packages,
        acl: acceptAll,
        compilePolicy: () => ({ evaluate() {}, evaluateIdentities() {} }),
        isSystemChaincode: (name) => systemChaincodeNames.has(name),
      });
      const systemChaincodes = new SystemChaincodes([lscc]);
      const simulation = await simulate(
        proposalOf(recorded, peer),
        peer.ledger,
        new InstantiationPolicyCheck((name, version) => peer.packages.load(name, version)),
        {
          ...peer,
          acl: acceptAll,
          systemChaincodes,
          chaincode: new TwinChaincodes(systemChaincodes),
          clock: goldenClock,
          logger: silentLogger,
        },
        undefined,
      );
      const { chaincodeAction } = recorded.action;
      assert.deepEqual(simulation.response, chaincodeAction.response);
      assert.deepEqual(simulation.results, chaincodeAction.results);
      const event = simulation.event && toBinary(ChaincodeEventSchema, simulation.event);
      assert.deepEqual(event ?? emptyBytes, chaincodeAction.events);
    });
  }
});
