import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { emptyBytes, utf8 } from "../base/bytes.ts";
import { EnvelopeSchema, HeaderType, PayloadSchema } from "../gen/common/common_pb.ts";
import { ChaincodeActionSchema } from "../gen/peer/proposal_pb.ts";
import { buildTransaction, signedEnvelope } from "../../tests/support/transactions.ts";
import { validatingAt } from "../../tests/support/validating.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import { blockHeaderHash, newBlock } from "../protocol/block.ts";
import { anyMemberPolicy } from "./chaincode-rules.ts";
import { readTransaction } from "./transaction.ts";

const org2Policy = anyMemberPolicy(["Org2MSP"]);

Deno.test("what crashes or hangs 1.4.2 gets a flag, and good transactions behind it stay valid", async () => {
  using fixture = await validatingAt(6);
  const { user1, org1 } = fixture;
  const spec = { creator: user1, endorsers: [org1], sets: [{ namespace: "assetcc" }] };
  const headless = create(PayloadSchema, { data: utf8("data") });
  const codes = await fixture.codes([
    buildTransaction({ ...spec, actions: () => [] }).bytes,
    utf8("not an envelope"),
    signedEnvelope(user1, undefined, utf8("data")),
    toBinary(
      EnvelopeSchema,
      create(EnvelopeSchema, { payload: toBinary(PayloadSchema, headless) }),
    ),
    emptyBytes,
    buildTransaction({ ...spec, dropAction: true }).bytes,
    toBinary(EnvelopeSchema, create(EnvelopeSchema, { payload: utf8("garbage") })),
    buildTransaction({ ...spec, sets: [{ namespace: "assetcc", writes: { a: "1" } }] }).bytes,
  ]);
  assert.deepEqual(codes, [
    "INVALID_ENDORSER_TRANSACTION",
    "INVALID_OTHER_REASON",
    "BAD_COMMON_HEADER",
    "BAD_COMMON_HEADER",
    "BAD_COMMON_HEADER",
    "INVALID_ENDORSER_TRANSACTION",
    "BAD_PAYLOAD",
    "VALID",
  ]);
});

Deno.test("a block without data, or with nothing in it, is no error", async () => {
  using fixture = await validatingAt(6);
  assert.deepEqual(await fixture.codes([]), []);
  const { validator } = fixture.channel;
  assert.equal((await validator.validate({ $typeName: "common.Block" })).length, 0);
  assert.ok("verdict" in readTransaction(undefined));
});

Deno.test("header types other than endorser transactions are told apart", async () => {
  using fixture = await validatingAt(6);
  const { user1, org1 } = fixture;
  const of = (type: HeaderType) =>
    buildTransaction({ creator: user1, endorsers: [org1], type }).bytes;
  const codes = await fixture.codes([
    of(HeaderType.CONFIG_UPDATE),
    of(HeaderType.TOKEN_TRANSACTION),
    of(HeaderType.MESSAGE),
    of(HeaderType.CONFIG),
  ]);
  assert.deepEqual(codes, [
    "UNSUPPORTED_TX_PAYLOAD",
    "UNKNOWN_TX_TYPE",
    "BAD_COMMON_HEADER",
    "INVALID_CONFIG_TRANSACTION",
  ]);
});

Deno.test("parts behind the signature are refused with the code of the part", async () => {
  using fixture = await validatingAt(6);
  const spec = { creator: fixture.user1, endorsers: [fixture.org1] };
  const emptyEvent = new Uint8Array([0x12, 0x00]);
  const action = toBinary(
    ChaincodeActionSchema,
    create(ChaincodeActionSchema, { chaincodeId: { name: "assetcc", version: "1.0" } }),
  );
  const codes = await fixture.codes([
    buildTransaction({ ...spec, extension: new Uint8Array([0x0a, 0x7f]) }).bytes,
    buildTransaction({ ...spec, extension: emptyBytes }).bytes,
    buildTransaction({ ...spec, response: { extension: emptyBytes } }).bytes,
    buildTransaction({ ...spec, response: { extension: new Uint8Array([0x0a]) } }).bytes,
    buildTransaction({ ...spec, results: new Uint8Array([0x12, 0x09]) }).bytes,
    buildTransaction({ ...spec, version: "" }).bytes,
    buildTransaction({
      ...spec,
      response: { extension: Uint8Array.from([...action, ...emptyEvent]) },
    }).bytes,
    buildTransaction({ ...spec, response: { extension: action } }).bytes,
  ]);
  assert.deepEqual(codes, [
    "BAD_HEADER_EXTENSION",
    "INVALID_OTHER_REASON",
    "BAD_RESPONSE_PAYLOAD",
    "BAD_RESPONSE_PAYLOAD",
    "BAD_RWSET",
    "INVALID_OTHER_REASON",
    "INVALID_OTHER_REASON",
    "VALID",
  ]);
});

Deno.test("of equal transaction ids the first valid one stays", async () => {
  using fixture = await validatingAt(6);
  const { user1, org1 } = fixture;
  const valid = buildTransaction({ creator: user1, endorsers: [org1], nonce: "n" }).bytes;
  const unendorsed = buildTransaction({ creator: user1, endorsers: [], nonce: "n" }).bytes;
  assert.deepEqual(await fixture.codes([unendorsed, valid, valid]), [
    "ENDORSEMENT_POLICY_FAILURE",
    "VALID",
    "DUPLICATE_TXID",
  ]);
});

Deno.test("system chaincodes: cscc may not be written by others, vscc not be invoked", async () => {
  using fixture = await validatingAt(6);
  const spec = { creator: fixture.user1, endorsers: [fixture.org1] };
  const writing = (namespace: string) =>
    buildTransaction({ ...spec, sets: [{ namespace, writes: { a: "1" } }] }).bytes;
  const codes = await fixture.codes([
    writing("cscc"),
    writing("escc"),
    writing("qscc"),
    writing("+lifecycle"),
    buildTransaction({ ...spec, chaincode: "vscc" }).bytes,
    buildTransaction({ ...spec, chaincode: "qscc", version: "any" }).bytes,
    buildTransaction({ ...spec, chaincode: "lscc", version: "any", args: ["install"] }).bytes,
  ]);
  assert.deepEqual(codes, [
    "ILLEGAL_WRITESET",
    "ILLEGAL_WRITESET",
    "VALID",
    "VALID",
    "ILLEGAL_WRITESET",
    "VALID",
    "ENDORSEMENT_POLICY_FAILURE",
  ]);
});

Deno.test("a policy change in a valid transaction spoils later writes of its key, that of an invalid one does not", async () => {
  using fixture = await validatingAt(6);
  const { user1, org1, org2 } = fixture;
  const change = (endorsers: readonly (typeof org1)[], key: string) =>
    buildTransaction({
      creator: user1,
      endorsers,
      sets: [{ namespace: "assetcc", policies: { [key]: org2Policy } }],
    }).bytes;
  const write = (key: string) =>
    buildTransaction({
      creator: user1,
      endorsers: [org1],
      sets: [{ namespace: "assetcc", writes: { [key]: "1" } }],
    }).bytes;
  const broken = change([org1], "c");
  broken[broken.length - 1] ^= 1;
  const codes = await fixture.codes([
    write("a"),
    change([org2], "a"),
    write("a"),
    write("b"),
    change([], "b"),
    write("b"),
    broken,
    write("c"),
  ]);
  assert.deepEqual(codes, [
    "VALID",
    "VALID",
    "ENDORSEMENT_POLICY_FAILURE",
    "VALID",
    "ENDORSEMENT_POLICY_FAILURE",
    "VALID",
    "BAD_CREATOR_SIGNATURE",
    "VALID",
  ]);
});

Deno.test("a policy change counts where its own namespace was good, even if another was not", async () => {
  using fixture = await validatingAt(6);
  const { user1, org1 } = fixture;
  const codes = await fixture.codes([
    buildTransaction({
      creator: user1,
      endorsers: [org1],
      // othercc wants both organisations; assetcc, which comes first, wants any.
      sets: [
        { namespace: "assetcc", policies: { a: org2Policy } },
        { namespace: "othercc", writes: { x: "1" }, policies: { b: org2Policy } },
      ],
    }).bytes,
    buildTransaction({
      creator: user1,
      endorsers: [org1],
      sets: [{ namespace: "assetcc", writes: { a: "1" } }],
    }).bytes,
    buildTransaction({
      creator: user1,
      endorsers: [org1, fixture.org2],
      chaincode: "othercc",
      sets: [{ namespace: "othercc", writes: { b: "1" } }],
    }).bytes,
  ]);
  assert.deepEqual(codes, ["ENDORSEMENT_POLICY_FAILURE", "ENDORSEMENT_POLICY_FAILURE", "VALID"]);
});

Deno.test("private writes to a collection that is not defined fall back to the chaincode's policy", async () => {
  using fixture = await validatingAt(6);
  const { user1, org1 } = fixture;
  const hashed = (collection: string, endorsers: readonly (typeof org1)[]) =>
    buildTransaction({
      creator: user1,
      endorsers,
      sets: [{ namespace: "assetcc", hashed: { [collection]: ["k"] } }],
    }).bytes;
  const codes = await fixture.codes([
    hashed("both", [org1]),
    hashed("nosuch", [org1]),
    hashed("nosuch", []),
    hashed("", [org1]),
  ]);
  assert.deepEqual(codes, ["VALID", "VALID", "ENDORSEMENT_POLICY_FAILURE", "VALID"]);
});

Deno.test("the first signature of an endorser is the one that counts", async () => {
  using fixture = await validatingAt(6);
  const { user1, org1 } = fixture;
  const forged = { ...org1, sign: () => org1.sign(utf8("something else")) };
  const codes = await fixture.codes([
    buildTransaction({ creator: user1, endorsers: [forged, org1] }).bytes,
    buildTransaction({ creator: user1, endorsers: [org1, forged] }).bytes,
  ]);
  assert.deepEqual(codes, ["ENDORSEMENT_POLICY_FAILURE", "VALID"]);
});

Deno.test("a prepared block gets the flags of the state and configuration at its turn", async () => {
  using fixture = await validatingAt(6);
  const { user1, org1, channel } = fixture;
  const { ledger, committer, validator } = channel;
  const spec = { creator: user1, endorsers: [org1], nonce: "prepared" };
  const { bytes } = buildTransaction(spec);
  const tip = ledger.info();
  const first = newBlock(BigInt(tip.height), tip.currentBlockHash, [bytes]);
  const hash = first.header ? blockHeaderHash(first.header) : emptyBytes;
  const second = newBlock(BigInt(tip.height + 1), hash, [bytes]);
  committer.prepare(first);
  committer.prepare(second);
  const flags = await Promise.all([committer.commitBlock(first), committer.commitBlock(second)]);
  assert.deepEqual(flags.map((committed) => [...committed.flags]), [
    [TxValidationCode.VALID],
    [TxValidationCode.DUPLICATE_TXID],
  ]);
  // What was prepared is used once.
  assert.deepEqual([...await validator.validate(first)], [TxValidationCode.DUPLICATE_TXID]);
});
