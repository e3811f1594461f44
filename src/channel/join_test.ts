import assert from "node:assert/strict";
import { clone, create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { DenimError } from "../base/errors.ts";
import { type Block, BlockSchema, EnvelopeSchema, PayloadSchema } from "../gen/common/common_pb.ts";
import { ConfigEnvelopeSchema } from "../gen/common/configtx_pb.ts";
import { decode } from "../protocol/decode.ts";
import { artifactBlock, goldenBlock, goldenFile, provider } from "./channel_testkit.ts";
import { channelIdOf, isConfigBlock, lastConfigIndex, openConfigBlock } from "./config-block.ts";
import { joinBundle, parseJoinBlock } from "./join.ts";

/** The recorded block 0 with another payload. */
function withData(data: Uint8Array): Block {
  const block = clone(BlockSchema, artifactBlock("mychannel.block"));
  const envelope = decode(EnvelopeSchema, block.data!.data[0]);
  const payload = decode(PayloadSchema, envelope.payload);
  payload.data = data;
  block.data!.data[0] = toBinary(
    EnvelopeSchema,
    create(EnvelopeSchema, { payload: toBinary(PayloadSchema, payload) }),
  );
  return block;
}

const join = (block: Block) => parseJoinBlock(toBinary(BlockSchema, block));

Deno.test("the recorded genesis block of the channel may be joined", () => {
  const { channelId, block } = parseJoinBlock(goldenFile("artifacts/mychannel.block"));
  assert.equal(channelId, "mychannel");
  assert.equal(joinBundle(block, { provider }).channelId, "mychannel");
});

Deno.test("what is not a channel's config block is refused in cscc's words", () => {
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array([0xff]), /^Failed to reconstruct the genesis block, error unmarshaling Block/],
    [
      new Uint8Array(0),
      /^"JoinChain" request failed to extract channel id from the block due to \[failed to retrieve channel id - block is empty\]$/,
    ],
    [
      toBinary(BlockSchema, goldenBlock(3)),
      /^"JoinChain" for chainID = mychannel failed because of validation of configuration block, because of Bad configuration envelope: invalid type ENDORSER_TRANSACTION, expected CONFIG$/,
    ],
    [
      goldenFile("artifacts/genesis.block"),
      /"JoinChain" for chainID = syschannel .* Invalid configuration block, missing Application configuration group$/,
    ],
  ];
  for (const [bytes, reason] of cases) {
    assert.throws(() => parseJoinBlock(bytes), (error) => {
      assert.ok(error instanceof DenimError);
      assert.match(error.message, reason);
      return true;
    });
  }
  const { configEnvelope } = openConfigBlock(artifactBlock("mychannel.block"));
  const empty = toBinary(ConfigEnvelopeSchema, create(ConfigEnvelopeSchema));
  assert.throws(() => join(withData(empty)), /Nil config envelope Config/);
  const noGroup = clone(ConfigEnvelopeSchema, configEnvelope);
  noGroup.config!.channelGroup = undefined;
  assert.throws(() => join(withData(toBinary(ConfigEnvelopeSchema, noGroup))), /Nil channel group/);
});

Deno.test("a channel without ordering service cannot be joined", () => {
  const { configEnvelope } = openConfigBlock(artifactBlock("mychannel.block"));
  const alone = clone(ConfigEnvelopeSchema, configEnvelope);
  delete alone.config!.channelGroup!.groups.Orderer;
  const { block } = join(withData(toBinary(ConfigEnvelopeSchema, alone)));
  assert.throws(() => joinBundle(block, { provider }), /no orderer config in bundle/);
  const silent = clone(ConfigEnvelopeSchema, configEnvelope);
  delete silent.config!.channelGroup!.values.OrdererAddresses;
  assert.throws(
    () => joinBundle(withData(toBinary(ConfigEnvelopeSchema, silent)), { provider }),
    /no ordering service endpoint provided in configuration block/,
  );
});

Deno.test("config blocks are told from others, and each block names the last one", () => {
  const configBlocks = new Map([[0, 0n], [1, 1n], [2, 2n], [21, 21n]]);
  for (let number = 1; number <= 27; number++) {
    const block = goldenBlock(number);
    assert.equal(isConfigBlock(block), configBlocks.has(number), `block ${number}`);
    assert.equal(channelIdOf(block), "mychannel");
    const expected = number >= 21 ? 21n : number >= 2 ? 2n : 1n;
    assert.equal(lastConfigIndex(block), expected, `block ${number}`);
  }
});

Deno.test("a damaged block is refused or joined, never a crash", () => {
  const bytes = goldenFile("artifacts/mychannel.block");
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 })), {
        minLength: 1,
        maxLength: 3,
      }),
      fc.option(fc.nat(bytes.length)),
      (changes, cut) => {
        const damaged = bytes.slice(0, cut ?? bytes.length);
        for (const [at, byte] of changes) if (at < damaged.length) damaged[at] = byte;
        try {
          joinBundle(parseJoinBlock(damaged).block, { provider });
        } catch (error) {
          assert.ok(error instanceof DenimError, String(error));
        }
      },
    ),
    { numRuns: 200 },
  );
});
