import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BlockMetadataIndex, BlockSchema, LastConfigSchema } from "../gen/common/common_pb.ts";
import { equal, hex, utf8 } from "../base/bytes.ts";
import {
  blockDataHash,
  blockHeaderBytes,
  blockHeaderHash,
  blockMetadata,
  metadataSlot,
  newBlock,
  setMetadataSlot,
} from "./block.ts";

const blocksDirectory = new URL("../../tests/testdata/golden/blocks/", import.meta.url);
const golden = readdirSync(blocksDirectory).filter((name) => name.endsWith(".block")).sort()
  .map((name) => fromBinary(BlockSchema, readFileSync(new URL(name, blocksDirectory))));

Deno.test("header hashes of the recorded blocks chain", () => {
  assert.ok(golden.length > 2);
  for (let i = 1; i < golden.length; i++) {
    const previous = golden[i - 1].header;
    assert.ok(previous);
    assert.equal(hex(blockHeaderHash(previous)), hex(golden[i].header?.previousHash ?? utf8("")));
  }
});

Deno.test("data hashes of the recorded blocks are the plain concatenation", () => {
  for (const block of golden) {
    assert.equal(
      hex(blockDataHash(block.data?.data ?? [])),
      hex(block.header?.dataHash ?? utf8("")),
    );
  }
});

Deno.test("a new block has five empty slots and its data hash", () => {
  const block = newBlock(3n, utf8("previous"), [utf8("a"), utf8("b")]);
  assert.equal(block.metadata?.metadata.length, 5);
  assert.equal(hex(block.header?.dataHash ?? utf8("")), hex(blockDataHash([utf8("ab")])));
});

Deno.test("block numbers are encoded as shortest positive integers", () => {
  const at = (number: bigint) =>
    hex(blockHeaderBytes({ number, previousHash: utf8(""), dataHash: utf8("") }));
  assert.equal(at(0n), "3007" + "020100" + "0400" + "0400");
  assert.equal(at(127n), "3007" + "02017f" + "0400" + "0400");
  assert.equal(at(128n), "3008" + "02020080" + "0400" + "0400");
  assert.equal(at(2n ** 63n - 1n), "300e" + "02087fffffffffffffff" + "0400" + "0400");
  assert.throws(() => at(2n ** 63n), { code: "bad-block-number" });
});

Deno.test("lengths over 127 bytes use the long form", () => {
  const bytes = blockHeaderBytes({
    number: 1n,
    previousHash: new Uint8Array(300),
    dataHash: utf8(""),
  });
  assert.equal(hex(bytes.subarray(0, 11)), "30820135" + "020101" + "0482012c");
});

Deno.test("metadata slots are read where present and made where missing", () => {
  const block = create(BlockSchema);
  assert.equal(metadataSlot(block, BlockMetadataIndex.LAST_CONFIG).length, 0);
  setMetadataSlot(block, BlockMetadataIndex.TRANSACTIONS_FILTER, utf8("x"));
  assert.equal(block.metadata?.metadata.length, 3);
  assert.ok(equal(metadataSlot(block, BlockMetadataIndex.TRANSACTIONS_FILTER), utf8("x")));
});

Deno.test("recorded LAST_CONFIG metadata decodes, garbage is an error", () => {
  const last = golden[golden.length - 1];
  const metadata = blockMetadata(last, BlockMetadataIndex.LAST_CONFIG);
  const lastConfig = fromBinary(LastConfigSchema, metadata.value);
  assert.ok(lastConfig.index < (last.header?.number ?? 0n));
  const copy = fromBinary(BlockSchema, toBinary(BlockSchema, last));
  setMetadataSlot(copy, BlockMetadataIndex.LAST_CONFIG, Uint8Array.of(0xff, 0xff));
  assert.throws(() => blockMetadata(copy, BlockMetadataIndex.LAST_CONFIG), {
    code: "bad-block-metadata",
  });
});
