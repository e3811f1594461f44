import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import {
  goldenBlocks,
  goldenFile,
  goldenProposals,
  goldenValidation,
} from "../../tests/support/golden.ts";
import { concat } from "../base/bytes.ts";
import { createEcdsaProvider } from "../crypto/provider.ts";
import { BlockMetadataIndex, HeaderType, MetadataSchema } from "../gen/common/common_pb.ts";
import { ProposalResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import { SignedProposalSchema } from "../gen/peer/proposal_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import { blockHeaderBytes } from "../protocol/block.ts";
import { decodeEnvelope } from "../protocol/envelope.ts";
import { envelopeSignedData, proposalSignedData } from "../protocol/signed-data.ts";
import { decodeAction, decodeTransaction } from "../protocol/transaction.ts";
import { signedByAnyMember } from "./envelopes.ts";
import { channelOf } from "./golden_testkit.ts";
import { parsePolicy } from "./parse-policy.ts";
import { channelPolicy, policyOrReject } from "./policy-manager.ts";
import { compileSignaturePolicy } from "./signature-policy.ts";
import { signatureChecks } from "./signature-set.ts";
import type { SignedData } from "./types.ts";

const provider = createEcdsaProvider();
const blocks = goldenBlocks();
const { mspManager, policyManager } = channelOf(blocks[0], provider);

/** Proposals whose creator signature or identity the real peer refused. */
const refusedCreators = new Set([
  "70-bad-signature",
  "75-unknown-msp",
  "77-high-s-signature",
]);

Deno.test("every recorded proposal's creator verifies, except those recorded as bad", () => {
  let verified = 0;
  for (const { Name } of goldenProposals()) {
    const bytes = goldenFile(`proposals/${Name}.proposal`);
    if (Name === "73-garbage" || Name === "74-empty") continue;
    const signed = proposalSignedData(fromBinary(SignedProposalSchema, bytes));
    const holds = () => {
      const identity = mspManager.deserializeIdentity(signed.identity);
      identity.validate();
      return identity.verify(signed.data, signed.signature);
    };
    if (Name === "75-unknown-msp") assert.throws(holds, { code: "unknown-msp" }, Name);
    else assert.equal(holds(), !refusedCreators.has(Name), Name);
    verified++;
  }
  assert.ok(verified > 60);
});

Deno.test("the channel's writers policy refuses exactly what the real peer refused", () => {
  const writers = policyOrReject(policyManager, channelPolicy.applicationWriters);
  for (const { Name, Channel } of goldenProposals()) {
    if (Channel !== "mychannel" || Name === "73-garbage" || Name === "74-empty") continue;
    const bytes = goldenFile(`proposals/${Name}.proposal`);
    const signed = proposalSignedData(fromBinary(SignedProposalSchema, bytes));
    const refused = refusedCreators.has(Name) || Name === "78-orderer-admin-not-a-writer";
    if (!refused) writers.evaluate([signed]);
    else {
      assert.throws(() => writers.evaluate([signed]), {
        code: "policy-not-satisfied",
        message:
          "implicit policy evaluation failed - 0 sub-policies were satisfied, but this policy requires 1 of the 'Writers' sub-policies to be satisfied",
      }, Name);
    }
  }
});

Deno.test("every recorded endorsement is the peer's over payload and endorser", () => {
  let endorsed = 0;
  for (const { Name, Endorsed } of goldenProposals()) {
    if (!Endorsed) continue;
    const response = fromBinary(
      ProposalResponseSchema,
      goldenFile(`proposals/${Name}.response`),
    );
    const { endorser, signature } = response.endorsement ?? assert.fail(Name);
    const identity = mspManager.deserializeIdentity(endorser);
    identity.validate();
    assert.equal(identity.mspId, "Org1MSP");
    assert.ok(identity.verify(concat(response.payload, endorser), signature), Name);
    endorsed++;
  }
  assert.ok(endorsed > 30);
});

Deno.test("the orderer's block signatures satisfy the block validation policy", () => {
  const policy = policyOrReject(policyManager, channelPolicy.blockValidation);
  for (const block of blocks.slice(1)) {
    const header = block.header ?? assert.fail("no header");
    const metadata = fromBinary(
      MetadataSchema,
      block.metadata?.metadata[BlockMetadataIndex.SIGNATURES] ?? new Uint8Array(),
    );
    const signedData = (value: Uint8Array): SignedData[] =>
      metadata.signatures.map(({ signatureHeader, signature }) => ({
        data: concat(value, signatureHeader, blockHeaderBytes(header)),
        identity: creatorOf(signatureHeader),
        signature,
      }));
    policy.evaluate(signedData(metadata.value));
    assert.throws(() => policy.evaluate(signedData(concat(metadata.value, Uint8Array.of(0)))), {
      code: "policy-not-satisfied",
    });
  }
});

function creatorOf(signatureHeader: Uint8Array): Uint8Array {
  // SignatureHeader { bytes creator = 1; bytes nonce = 2; }
  assert.equal(signatureHeader[0], 0x0a);
  const length = (signatureHeader[1] & 0x7f) | (signatureHeader[2] << 7);
  return signatureHeader.subarray(3, 3 + length);
}

Deno.test("creator signatures in the recorded blocks hold where the real peer says so", async () => {
  for (const { block, txs } of goldenValidation()) {
    for (const { tx, code, what } of txs) {
      // Its signature is fine; the peer looks for the creator's MSP in a channel it does not know.
      if (what === "channel header names another channel") continue;
      const bytes = blocks[block].data?.data[tx] ?? new Uint8Array();
      let signed: SignedData[];
      try {
        signed = envelopeSignedData(decodeEnvelope(bytes).envelope);
      } catch {
        assert.notEqual(code, TxValidationCode.VALID);
        continue;
      }
      const { identities, checks } = signatureChecks(signed, mspManager);
      const holds = identities.length === 1 && (await provider.verifyBatch(checks))[0];
      if (code === TxValidationCode.BAD_CREATOR_SIGNATURE) assert.ok(!holds, `${block}/${tx}`);
      else if (code === TxValidationCode.VALID) assert.ok(holds, `${block}/${tx}`);
    }
  }
});

Deno.test("endorsement policies judge the recorded endorsements as the real peer did", async () => {
  const either = compileSignaturePolicy(signedByAnyMember(["Org2MSP", "Org1MSP"]), mspManager);
  const both = compileSignaturePolicy(
    parsePolicy("AND('Org1MSP.member', 'Org2MSP.member')"),
    mspManager,
  );
  const judged = { satisfied: 0, refused: 0 };
  // Blocks 5 to 12 come before key-level policies and upgrades: only the chaincode's policy counts.
  for (const { block, txs } of goldenValidation().slice(5, 13)) {
    for (const { tx, code, what } of txs) {
      const decided = code === TxValidationCode.ENDORSEMENT_POLICY_FAILURE;
      const valid = code === TxValidationCode.VALID ||
        code === TxValidationCode.MVCC_READ_CONFLICT;
      if (!decided && !valid) continue;
      const { channelHeader, payload } = decodeEnvelope(
        blocks[block].data?.data[tx] ?? assert.fail(),
      );
      assert.equal(channelHeader?.type, HeaderType.ENDORSER_TRANSACTION);
      const { action } = decodeAction(decodeTransaction(payload.data).actions[0]).payload;
      assert.ok(action);
      const signed = action.endorsements.map(({ endorser, signature }) => ({
        data: concat(action.proposalResponsePayload, endorser),
        identity: endorser,
        signature,
      }));
      const policy = what?.startsWith("othercc") ? both : either;
      const { identities, checks } = signatureChecks(signed, mspManager);
      const holds = await provider.verifyBatch(checks);
      const verified = identities.filter((_, index) => holds[index]);
      if (decided) {
        const expected = { message: "signature set did not satisfy policy" };
        assert.throws(() => policy.evaluate(signed), expected, `${block}/${tx} ${what}`);
        assert.throws(
          () => policy.evaluateIdentities(verified),
          expected,
          `${block}/${tx} ${what}`,
        );
        judged.refused++;
      } else {
        policy.evaluate(signed);
        policy.evaluateIdentities(verified);
        judged.satisfied++;
      }
    }
  }
  assert.ok(judged.satisfied > 30 && judged.refused >= 4, JSON.stringify(judged));
});
