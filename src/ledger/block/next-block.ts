/** Is this the block that comes next, and what it looks like when it is kept. */
import { create } from "@bufbuild/protobuf";
import {
  type Block,
  BlockMetadataIndex,
  BlockMetadataSchema,
  BlockSchema,
  MetadataSchema,
} from "../../gen/common/common_pb.ts";
import { equal, hex } from "../../base/bytes.ts";
import { DenimError } from "../../base/errors.ts";
import { encodeMetadata, setMetadataSlot } from "../../protocol/block.ts";
import type { ChainTip } from "./block-store.ts";

/**
 * The block's number. Mirrors addBlock of fsblkstorage/blockfile_mgr.go.
 * @throws DenimError `unexpected-block`, `bad-flags`
 */
export function checkFollows(tip: ChainTip, block: Block, flags: Uint8Array): number {
  if (block.header === undefined) {
    throw new DenimError("unexpected-block", "block header is nil");
  }
  const number = Number(block.header.number);
  if (number !== tip.height) {
    throw new DenimError(
      "unexpected-block",
      `block number should have been ${tip.height} but was ${number}`,
      { expected: tip.height, actual: number },
    );
  }
  if (number > 0 && !equal(block.header.previousHash, tip.headerHash)) {
    throw new DenimError(
      "unexpected-block",
      `unexpected Previous block hash. Expected PreviousHash = [${
        hex(tip.headerHash)
      }], PreviousHash referred in the latest block= [${hex(block.header.previousHash)}]`,
      { number },
    );
  }
  const count = block.data?.data.length ?? 0;
  if (flags.length !== count) {
    throw new DenimError(
      "bad-flags",
      `block ${number} has ${count} transactions but ${flags.length} validation flags`,
      { number, transactions: count, flags: flags.length },
    );
  }
  return number;
}

/** The block with the peer's flags and commit hash in its metadata; the one given stays as it is. */
export function finalBlock(block: Block, flags: Uint8Array, hash: Uint8Array | undefined): Block {
  const final = create(BlockSchema, {
    header: block.header,
    data: block.data,
    metadata: create(BlockMetadataSchema, { metadata: [...block.metadata?.metadata ?? []] }),
  });
  setMetadataSlot(final, BlockMetadataIndex.TRANSACTIONS_FILTER, flags);
  if (hash) {
    const metadata = create(MetadataSchema, { value: hash });
    setMetadataSlot(final, BlockMetadataIndex.COMMIT_HASH, encodeMetadata(metadata));
  }
  return final;
}
