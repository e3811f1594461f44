import assert from "node:assert/strict";
import { clone, create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { concat } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import {
  type Block,
  BlockDataSchema,
  BlockMetadataIndex,
  BlockSchema,
  EnvelopeSchema,
} from "../gen/common/common_pb.ts";
import {
  blockDataHash,
  blockHeaderHash,
  blockMetadata,
  encodeMetadata,
  setMetadataSlot,
} from "../protocol/block.ts";
import { checkBlockData } from "./block-data.ts";
import { type BlockVerification, verifyBlock } from "./block-verifier.ts";
import { artifactBlock, bundleOf, goldenBlock } from "./channel_testkit.ts";

const bundle = bundleOf(artifactBlock("mychannel.block"));
const lastBlock = 27;
/** The recording orderer was made to order anything; this block holds unreadable transactions. */
const blockWithGarbage = 11;

function verify(block: Block, more: Partial<BlockVerification> = {}): void {
  verifyBlock(block, { bundle, expectedNumber: block.header?.number ?? 0n, ...more });
}

Deno.test("every recorded block bears the ordering service's signature and continues the chain", () => {
  let previous = blockHeaderHash(goldenBlock(0).header!);
  for (let number = 1; number <= lastBlock; number++) {
    const block = goldenBlock(number);
    const refuseAmbiguousData = number !== blockWithGarbage;
    verify(block, { expectedPreviousHash: previous, refuseAmbiguousData });
    previous = blockHeaderHash(block.header!);
  }
});

Deno.test("a block with unreadable transactions is refused unless that is asked for", () => {
  assert.throws(
    () => verify(goldenBlock(blockWithGarbage)),
    /Block with id \[11\] on channel \[mychannel\] has data that is not well formed: transaction \d+ /,
  );
});

Deno.test("the genesis block, which nobody signed, does not pass", () => {
  assert.throws(() => verify(goldenBlock(0)), (error) => {
    assert.ok(error instanceof DenimError);
    assert.equal(error.code, "bad-block");
    assert.match(
      error.message,
      /implicit policy evaluation failed - 0 sub-policies were satisfied/,
    );
    return true;
  });
});

Deno.test("forged blocks are refused with mcs's reasons", () => {
  const forged = (change: (block: Block) => void, number = 5) => {
    const block = clone(BlockSchema, goldenBlock(number));
    change(block);
    return block;
  };
  const cases: [string, Block, Partial<BlockVerification>, RegExp][] = [
    ["no header", forged((b) => b.header = undefined), {}, /Header must be different from nil/],
    [
      "other number",
      goldenBlock(5),
      { expectedNumber: 6n },
      /Claimed seqNum is \[6\] but .* \[5\]/,
    ],
    ["no data", forged((b) => b.data = undefined), {}, /Failed getting channel id from block/],
    ["no metadata", forged((b) => b.metadata = undefined), {}, /does not have metadata/],
    ["changed data", forged((b) => b.data!.data.pop()), {}, /Header\.DataHash is different/],
    ["changed chain", goldenBlock(5), { expectedPreviousHash: new Uint8Array(32) }, /PreviousHash/],
    [
      "data and hash",
      forged((b) => {
        b.data!.data.pop();
        b.header!.dataHash = blockDataHash(b.data!.data);
      }),
      {},
      /implicit policy evaluation failed/,
    ],
    [
      "other signature",
      forged((b) => {
        b.metadata!.metadata[0] = goldenBlock(6).metadata!.metadata[0];
      }),
      {},
      /implicit policy evaluation failed/,
    ],
    [
      "signed by a peer",
      forged((b) => {
        const metadata = blockMetadata(b, BlockMetadataIndex.SIGNATURES);
        metadata.signatures[0].signatureHeader = new Uint8Array([0x0a, 0x01, 0x41]);
        setMetadataSlot(b, BlockMetadataIndex.SIGNATURES, encodeMetadata(metadata));
      }),
      {},
      /implicit policy evaluation failed/,
    ],
    [
      "signature slot",
      forged((b) => b.metadata!.metadata[0] = new Uint8Array([0xff])),
      {},
      /medatata/,
    ],
  ];
  for (const [name, block, more, reason] of cases) {
    assert.throws(() => verify(block, more), (error) => {
      assert.ok(error instanceof DenimError, name);
      assert.match(error.message, reason, name);
      return true;
    });
  }
  const foreign = { ...bundle, channelId: "other" };
  assert.throws(
    () => verify(goldenBlock(5), { bundle: foreign }),
    /Invalid block's channel id\. Expected \[other\]\. Given \[mychannel\]/,
  );
});

const divided = (...data: Uint8Array[]) => create(BlockDataSchema, { data });

Deno.test("the data of a signed block divided differently is refused", () => {
  const { data } = goldenBlock(5).data!;
  checkBlockData(divided(...data));
  const [first, second, ...rest] = data;
  const cut = (at: number) => [first.subarray(0, at), first.subarray(at)];
  const tricks: Uint8Array[][] = [
    [concat(first, second), ...rest],
    [...cut(10), second, ...rest],
    [...cut(first.length - 1), second, ...rest],
    [new Uint8Array(0), ...data],
    [...data, new Uint8Array(0)],
    [concat(...data)],
    [first.subarray(0, -1), concat(first.subarray(-1), second), ...rest],
  ];
  // Also where payload and signature are parted.
  const signatureAt = first.length - 72;
  for (let at = signatureAt - 4; at < signatureAt + 4; at++) {
    tricks.push([...cut(at), second, ...rest]);
  }
  const hash = blockDataHash(data);
  for (const trick of tricks) {
    assert.deepEqual(blockDataHash(trick), hash);
    assert.throws(() => checkBlockData(divided(...trick)), /transaction \d+ (has|is)/);
  }
});

Deno.test("every division of well-formed data but one is refused", () => {
  const envelope = fc.record({
    payload: fc.uint8Array({ minLength: 0, maxLength: 20 }),
    signature: fc.uint8Array({ minLength: 0, maxLength: 8 }),
    unknown: fc.constantFrom(
      new Uint8Array(0),
      Uint8Array.of(0x1a, 1, 0x0a),
      Uint8Array.of(0x18, 5),
    ),
  }).map(({ payload, signature, unknown }) =>
    concat(
      Uint8Array.of(0x0a, payload.length),
      payload,
      signature.length > 0 ? concat(Uint8Array.of(0x12, signature.length), signature) : signature,
      unknown,
    )
  );
  fc.assert(
    fc.property(
      fc.array(envelope, { minLength: 1, maxLength: 4 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
      (entries, cuts) => {
        checkBlockData(divided(...entries));
        const all = concat(...entries);
        const at = [...new Set([0, ...cuts.map((c) => Math.floor(c * all.length)), all.length])]
          .sort((a, b) => a - b);
        const other = at.slice(1).map((end, i) => all.subarray(at[i], end));
        const ends = (parts: Uint8Array[]) => parts.map((part) => part.length).join();
        if (ends(other) === ends(entries)) return;
        assert.throws(() => checkBlockData(divided(...other)));
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("an envelope with unknown fields, as an orderer would pass it on, is accepted", () => {
  const plain = toBinary(
    EnvelopeSchema,
    create(EnvelopeSchema, { payload: Uint8Array.of(1), signature: Uint8Array.of(2) }),
  );
  checkBlockData(divided(concat(plain, Uint8Array.of(0x1a, 0x00)), plain));
  checkBlockData(divided(concat(plain, Uint8Array.of(0x1b, 0x08, 0x01, 0x1c))));
  for (
    const wrong of [
      Uint8Array.of(0x1b), // a group without end
      Uint8Array.of(0x1c), // an end without group
      Uint8Array.of(0x0a, 0x00), // a second payload
      Uint8Array.of(0x12, 0x00), // a second signature
      Uint8Array.of(0x08, 0x01), // a payload that is a number
      Uint8Array.of(0x1a, 0x05), // longer than the entry
      Uint8Array.of(0x1f), // no wire type
      Uint8Array.of(0x00), // no field
    ]
  ) {
    assert.throws(() => checkBlockData(divided(concat(plain, wrong))), /transaction 0 /);
  }
  assert.throws(
    () => checkBlockData(divided(Uint8Array.of(0x0a, 0x81, 0x00, 0x01))),
    /transaction 0 has a payload length that is not in its shortest form/,
  );
  assert.throws(() => checkBlockData(divided()), /empty block/);
});
