/** Checks of a stored chain for tests: numbers, links and data hashes of its blocks. */
import { equal, hex } from "../../src/base/bytes.ts";
import { DenimError, messageOf } from "../../src/base/errors.ts";
import type { Block } from "../../src/gen/common/common_pb.ts";
import { blockDataHash, blockHeaderHash } from "../../src/protocol/block.ts";
import type { PeerLedger } from "../../src/ledger/types.ts";

export interface ChainProblem {
  readonly blockNumber: number;
  readonly problem: string;
}

function problemsOf(block: Block, number: number, previousHash: Uint8Array | undefined): string[] {
  const { header, data } = block;
  if (header === undefined) return ["the header is missing"];
  const problems: string[] = [];
  if (header.number !== BigInt(number)) problems.push(`the header says number ${header.number}`);
  if (previousHash && !equal(header.previousHash, previousHash)) {
    problems.push(
      `previous hash ${hex(header.previousHash)} is not the hash ${
        hex(previousHash)
      } of the block before`,
    );
  }
  const actual = blockDataHash(data?.data ?? []);
  if (!equal(header.dataHash, actual)) {
    problems.push(`data hash ${hex(header.dataHash)} is not that of the data, ${hex(actual)}`);
  }
  return problems;
}

/** Walks the whole chain; nothing comes out of a sound one. Signatures are not looked at. */
export function* verifyChain(ledger: PeerLedger): Generator<ChainProblem> {
  const { height, currentBlockHash } = ledger.info();
  let previousHash: Uint8Array | undefined;
  for (let blockNumber = 0; blockNumber < height; blockNumber++) {
    let block: Block;
    try {
      block = ledger.blockByNumber(blockNumber);
    } catch (thrown) {
      if (!(thrown instanceof DenimError)) throw thrown;
      yield { blockNumber, problem: `it cannot be read: ${messageOf(thrown)}` };
      previousHash = undefined;
      continue;
    }
    for (const problem of problemsOf(block, blockNumber, previousHash)) {
      yield { blockNumber, problem };
    }
    previousHash = block.header && blockHeaderHash(block.header);
  }
  if (previousHash && !equal(previousHash, currentBlockHash)) {
    yield { blockNumber: height - 1, problem: "it is not the block that the ledger goes on from" };
  }
}
