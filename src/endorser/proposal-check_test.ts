import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { concat, emptyBytes, utf8 } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { HeaderType } from "../gen/common/common_pb.ts";
import { ChaincodeHeaderExtensionSchema, SignedProposalSchema } from "../gen/peer/proposal_pb.ts";
import { altered, withWorld } from "./endorser_testkit.ts";

Deno.test("headers are judged in Fabric's order with its texts", async () => {
  await withWorld(async ({ processor, propose, user }) => {
    const original = propose("get", "p1");
    const rejects = async (change: Parameters<typeof altered>[2], message: string) =>
      await assert.rejects(() => processor().process(altered(original, user, change)), { message });
    await rejects(
      (h) => h.type = HeaderType.ORDERER_TRANSACTION,
      "invalid header type ORDERER_TRANSACTION",
    );
    await rejects((h) => h.type = 77, "invalid header type 77");
    await rejects((h) => h.type = HeaderType.CONFIG_UPDATE, "unsupported proposal type 2");
    await rejects((h) => h.epoch = 7n, "invalid Epoch in ChannelHeader. Expected 0, got [7]");
    await rejects(
      (h) => h.extension = utf8("\n\x7f"),
      "invalid header extension for type CHAINCODE",
    );
    await rejects((h) => h.extension = emptyBytes, "ChaincodeHeaderExtension.ChaincodeId is nil");
    const visible = create(ChaincodeHeaderExtensionSchema, {
      chaincodeId: { name: "assetcc" },
      payloadVisibility: utf8("x"),
    });
    await rejects(
      (h) => h.extension = toBinary(ChaincodeHeaderExtensionSchema, visible),
      "invalid payload visibility field",
    );
  });
});

Deno.test("an expired identity is told so before anything else", async () => {
  await withWorld(async ({ processor, propose, peer }) => {
    const clock = { now: () => Date.UTC(2050, 0, 1) };
    const signed = propose("get", "p1");
    signed.signature = emptyBytes;
    await assert.rejects(() => processor({ clock }).process(signed), {
      code: "identity-expired",
      message: "identity expired",
    });
    assert.equal(peer.joined.length, 0);
  });
});

Deno.test("mutated proposals are refused or answered, nothing else happens", async () => {
  await withWorld(async ({ processor, user, propose }) => {
    const endorser = processor();
    const mutations = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    const original = propose("get", "p1").proposalBytes;
    await fc.assert(
      fc.asyncProperty(mutations, fc.boolean(), fc.nat(20), async (edits, sign, cut) => {
        const proposalBytes = original.slice(0, original.length - cut);
        for (const [at, value] of edits) proposalBytes[at % proposalBytes.length] = value;
        const signature = sign ? user.sign(proposalBytes) : utf8("x");
        const signed = create(SignedProposalSchema, { proposalBytes, signature });
        try {
          const { response } = await endorser.process(signed);
          assert.ok(response);
        } catch (error) {
          assert.ok(error instanceof DenimError, String(error));
        }
      }),
      { numRuns: 300 },
    );
    const empty = create(SignedProposalSchema, { proposalBytes: concat(original, original) });
    await assert.rejects(() => endorser.process(empty), DenimError);
  });
});
