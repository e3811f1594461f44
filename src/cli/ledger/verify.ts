/** `ledger verify`: chain, hashes and orderer signatures of a channel's blocks. */
import { DenimError, messageOf } from "../../base/errors.ts";
import { systemClock } from "../../base/clock.ts";
import { verifyBlock } from "../../channel/block-verifier.ts";
import { bundleFromBlock, type ChannelBundle } from "../../channel/bundle.ts";
import { isConfigBlock } from "../../channel/config-block.ts";
import { createEcdsaProvider } from "../../crypto/provider.ts";
import { BlockMetadataIndex } from "../../gen/common/common_pb.ts";
import { TxValidationCode } from "../../gen/peer/transaction_pb.ts";
import type { LedgerReader } from "../../ledger/ledger-reader.ts";
import { blockDataHash, blockHeaderHash, metadataSlot } from "../../protocol/block.ts";
import { equal } from "../../base/bytes.ts";
import type { CommandHandler } from "../command.ts";
import { openNamedLedger } from "./open-ledger.ts";

export const verify: CommandHandler = async (invocation) => {
  const { terminal } = invocation;
  const ledger = await openNamedLedger(invocation);
  try {
    const transactions = verifyChain(ledger);
    terminal.out(
      `Channel ${ledger.channelId}: ${ledger.height()} blocks with ${transactions} transactions; ` +
        "numbers, hashes, contents and orderer signatures are right\n",
    );
  } finally {
    ledger.close();
  }
};

/** @returns the number of transactions. @throws DenimError `bad-chain` naming the first bad block */
export function verifyChain(ledger: LedgerReader): number {
  const ecdsa = createEcdsaProvider();
  try {
    const deps = { provider: ecdsa, clock: systemClock };
    let bundle: ChannelBundle | undefined;
    let previousHash: Uint8Array | undefined;
    let transactions = 0;
    for (let number = 0; number < ledger.height(); number++) {
      try {
        const block = ledger.blockByNumber(number);
        const { header, data } = block;
        if (bundle) {
          verifyBlock(block, {
            bundle,
            expectedNumber: BigInt(number),
            expectedPreviousHash: previousHash,
          });
        } else if (!header || !data || !equal(blockDataHash(data.data), header.dataHash)) {
          throw new DenimError("bad-chain", "the hash of its data is not the one in its header");
        }
        const flags = metadataSlot(block, BlockMetadataIndex.TRANSACTIONS_FILTER);
        const count = data?.data.length ?? 0;
        if (flags.length !== count) {
          throw new DenimError("bad-chain", `${count} transactions, but ${flags.length} flags`);
        }
        transactions += count;
        if (isConfigBlock(block) && flags[0] === TxValidationCode.VALID) {
          bundle = bundleFromBlock(block, deps);
        }
        previousHash = header && blockHeaderHash(header);
      } catch (error) {
        throw new DenimError(
          "bad-chain",
          `block ${number} of channel ${ledger.channelId}: ${messageOf(error)}`,
          { block: number },
          "the ledger holds what its orderers did not sign: rebuild it by joining the channel again",
          { cause: error },
        );
      }
    }
    return transactions;
  } finally {
    ecdsa.close?.();
  }
}
