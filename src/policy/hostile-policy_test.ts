import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { mutate, mutations } from "../../tests/support/mutations.ts";
import { DenimError } from "../base/errors.ts";
import { utf8 } from "../base/bytes.ts";
import {
  ImplicitMetaPolicy_Rule,
  ImplicitMetaPolicySchema,
  SignaturePolicyEnvelopeSchema,
} from "../gen/common/policies_pb.ts";
import { openGoldenPeer } from "../../tests/support/golden-peer.ts";
import { decodeImplicitMeta, ImplicitMetaPolicy } from "./implicit-meta-policy.ts";
import { parsePolicy } from "./parse-policy.ts";
import { signaturePolicyFromBytes } from "./signature-policy.ts";

/** Does it hold? A refusal must be ours. */
function holds(judge: () => void): boolean {
  try {
    judge();
    return true;
  } catch (error) {
    assert.ok(error instanceof DenimError, String(error));
    return false;
  }
}

Deno.test("truncated and mutated policies are refused or judge real signatures, nothing else", async () => {
  using peer = await openGoldenPeer(1);
  const { mspManager } = peer.bundle;
  const data = utf8("signed");
  const signed = [{
    data,
    identity: peer.signer.serialized,
    signature: peer.signer.sign(data),
  }];
  const sound = toBinary(
    SignaturePolicyEnvelopeSchema,
    parsePolicy("OutOf(1, 'Org1MSP.peer', AND('Org1MSP.member', 'Org2MSP.admin'))"),
  );
  const judge = (bytes: Uint8Array) =>
    holds(() => signaturePolicyFromBytes(bytes, mspManager).evaluate(signed));
  assert.ok(judge(sound));
  for (let length = 0; length < sound.length; length++) judge(sound.slice(0, length));
  assert.ok(!judge(new Uint8Array(0)), "an empty policy lets nobody through");
  fc.assert(fc.property(mutations, (changes) => void judge(mutate(sound, changes))), {
    numRuns: 500,
  });
});

Deno.test("mutated implicit meta policies are refused or decide, with the rules they name", () => {
  const sound = toBinary(
    ImplicitMetaPolicySchema,
    create(ImplicitMetaPolicySchema, {
      subPolicy: "Readers",
      rule: ImplicitMetaPolicy_Rule.MAJORITY,
    }),
  );
  const nobody = { deserializeIdentity: () => assert.fail() };
  fc.assert(fc.property(mutations, (changes) => {
    holds(() =>
      new ImplicitMetaPolicy(decodeImplicitMeta(mutate(sound, changes)), [undefined], nobody)
        .evaluate([])
    );
  }));
});
