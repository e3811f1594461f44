import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  ChannelHeaderSchema,
  EnvelopeSchema,
  HeaderSchema,
  HeaderType,
  PayloadSchema,
  SignatureHeaderSchema,
} from "../gen/common/common_pb.ts";
import { BlockSchema } from "../gen/common/common_pb.ts";
import { ProposalSchema, SignedProposalSchema } from "../gen/peer/proposal_pb.ts";
import {
  EndorsementSchema,
  ProposalResponsePayloadSchema,
  ProposalResponseSchema,
  ResponseSchema,
} from "../gen/peer/proposal_response_pb.ts";
import { utf8 } from "../base/bytes.ts";
import type { SigningIdentity } from "./signing-identity.ts";
import { decode } from "./decode.ts";
import { createSignedEnvelope, decodeEnvelope, transactionIdOf } from "./envelope.ts";
import { endorse, proposalResponsePayload } from "./proposal-response.ts";
import {
  committedProposalHash,
  createProposal,
  invocationOf,
  proposalHash,
  signProposal,
} from "./proposal.ts";
import { envelopeSignedData, proposalSignedData } from "./signed-data.ts";
import { timestampFromMs, timestampToMs } from "./timestamp.ts";
import { assembleTransaction, decodeAction, decodeTransaction } from "./transaction.ts";
import { checkTxId, computeTxId } from "./txid.ts";

const golden = new URL("../../tests/testdata/golden/", import.meta.url);
const proposals = readdirSync(new URL("proposals/", golden))
  .filter((name) => name.endsWith(".proposal"))
  .map((name) => name.slice(0, -".proposal".length));

function read(path: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(path, golden)));
}

const signer: SigningIdentity = {
  mspId: "Org1MSP",
  serialized: utf8("signer"),
  sign: (message) => utf8(`signed ${message.length}`),
};
const clock = { now: () => 1_563_000_000_123 };

Deno.test("the proposal hash is the one recorded endorsers computed", () => {
  let compared = 0;
  for (const name of proposals) {
    let answer: Uint8Array;
    try {
      answer = read(`proposals/${name}.response`);
    } catch {
      continue;
    }
    const response = fromBinary(ProposalResponseSchema, answer);
    if (response.payload.length === 0) continue;
    const signed = fromBinary(SignedProposalSchema, read(`proposals/${name}.proposal`));
    const proposal = fromBinary(ProposalSchema, signed.proposalBytes);
    const header = fromBinary(HeaderSchema, proposal.header);
    const payload = fromBinary(ProposalResponsePayloadSchema, response.payload);
    assert.deepEqual(proposalHash(header, proposal.payload), payload.proposalHash, name);
    compared++;
  }
  assert.ok(compared > 30, `${compared} compared`);
});

Deno.test("committed transactions carry the hash of their own headers and payload", () => {
  const block = fromBinary(BlockSchema, read("blocks/0005.block"));
  for (const data of block.data?.data ?? []) {
    const { header, payload, channelHeader, signatureHeader } = decodeEnvelope(data);
    assert.equal(channelHeader.txId, transactionIdOf(data));
    checkTxId(channelHeader.txId, signatureHeader.nonce, signatureHeader.creator);
    const action = decodeAction(decodeTransaction(payload.data).actions[0]);
    assert.deepEqual(
      committedProposalHash(header, action.payload.chaincodeProposalPayload),
      action.responsePayload.proposalHash,
    );
  }
});

Deno.test("an endorsed proposal becomes a transaction with the endorsed bytes and no transient data", () => {
  const { proposal, txId } = createProposal({
    channelId: "mychannel",
    invocation: invocationOf("mycc", ["put", "a", "1"]),
    creator: signer.serialized,
    nonce: utf8("nonce"),
    clock,
    transient: { secret: utf8("s") },
  });
  assert.equal(txId, computeTxId(utf8("nonce"), signer.serialized));
  const signed = signProposal(proposal, signer);
  assert.deepEqual(proposalSignedData(signed).identity, signer.serialized);

  const header = fromBinary(HeaderSchema, proposal.header);
  const payload = proposalResponsePayload({
    proposalHash: proposalHash(header, proposal.payload),
    response: create(ResponseSchema, { status: 200 }),
    results: utf8("rwset"),
    events: new Uint8Array(),
    chaincodeId: { $typeName: "protos.ChaincodeID", name: "mycc", version: "1", path: "" },
  });
  const response = create(ProposalResponseSchema, {
    payload,
    response: { status: 200 },
    endorsement: endorse(payload, signer),
  });
  const envelope = assembleTransaction(proposal, [response, response], signer);
  const opened = decodeEnvelope(toBinary(EnvelopeSchema, envelope));
  assert.deepEqual(opened.header, header);
  assert.deepEqual(envelopeSignedData(envelope)[0].identity, signer.serialized);
  const action = decodeAction(decodeTransaction(opened.payload.data).actions[0]);
  assert.deepEqual(action.responsePayloadBytes, payload);
  assert.equal(action.payload.action?.endorsements.length, 2);
  assert.deepEqual(
    committedProposalHash(opened.header, action.payload.chaincodeProposalPayload),
    action.responsePayload.proposalHash,
  );
});

Deno.test("transactions are refused with Fabric's texts", () => {
  const { proposal } = createProposal({
    channelId: "c",
    invocation: invocationOf("mycc", []),
    creator: signer.serialized,
    nonce: utf8("n"),
    clock,
  });
  const endorsement = create(EndorsementSchema, {});
  const good = create(ProposalResponseSchema, {
    payload: utf8("a"),
    response: { status: 200 },
    endorsement,
  });
  const other = create(ProposalResponseSchema, {
    payload: utf8("b"),
    response: { status: 200 },
    endorsement,
  });
  const failed = create(ProposalResponseSchema, {
    payload: utf8("a"),
    response: { status: 500, message: "no" },
  });
  const refused = (responses: (typeof good)[], message: string, by = signer) =>
    assert.throws(() => assembleTransaction(proposal, responses, by), { message });
  refused([], "at least one proposal response is required");
  refused([good, other], "ProposalResponsePayloads do not match");
  refused([failed], "proposal response was not successful, error code 500, msg no");
  refused([good], "signer must be the same as the one referenced in the header", {
    ...signer,
    serialized: utf8("other"),
  });
});

Deno.test("signed envelopes carry whole seconds and the signer's header", () => {
  const envelope = createSignedEnvelope({
    type: HeaderType.DELIVER_SEEK_INFO,
    channelId: "c",
    data: utf8("d"),
    clock,
    signer,
    nonce: utf8("n"),
  });
  const opened = decodeEnvelope(toBinary(EnvelopeSchema, envelope));
  assert.equal(timestampToMs(opened.channelHeader.timestamp), 1_563_000_000_000);
  assert.deepEqual(opened.signatureHeader.nonce, utf8("n"));
  assert.deepEqual(opened.signatureHeader.creator, signer.serialized);
});

Deno.test("timestamps keep milliseconds both ways", () => {
  fc.assert(fc.property(fc.integer({ min: -(2 ** 42), max: 2 ** 42 }), (ms) => {
    assert.equal(timestampToMs(timestampFromMs(ms)), ms);
  }));
});

Deno.test("hostile bytes give an error of ours, never another", () => {
  const original = read("proposals/" + proposals[0] + ".proposal");
  fc.assert(fc.property(
    fc.nat(original.length - 1),
    fc.integer({ min: 0, max: 255 }),
    fc.nat(original.length),
    (at, value, cut) => {
      const bytes = original.slice(0, cut);
      if (at < cut) bytes[at] = value;
      try {
        const signed = decode(SignedProposalSchema, bytes);
        const proposal = decode(ProposalSchema, signed.proposalBytes);
        const header = decode(HeaderSchema, proposal.header);
        decode(ChannelHeaderSchema, header.channelHeader);
        decode(SignatureHeaderSchema, header.signatureHeader);
        proposalHash(header, proposal.payload);
        decodeEnvelope(bytes);
      } catch (error) {
        assert.equal((error as Error).name, "DenimError", String(error));
      }
    },
  ));
  assert.throws(() => decode(PayloadSchema, utf8("\n\x7f")), /error unmarshaling Payload: /);
});
