/** The recorded channel at one height, ready to judge blocks that a test makes up. */
import { TxValidationCode } from "../../src/gen/peer/transaction_pb.ts";
import { createEcdsaProvider } from "../../src/crypto/provider.ts";
import type { LocalSigningIdentity } from "../../src/msp/signing-identity.ts";
import { newBlock } from "../../src/protocol/block.ts";
import { goldenBlocks } from "./golden.ts";
import { delivered, openRecordedChannel, type RecordedChannel } from "./recorded-channel.ts";
import { temporaryDirectory } from "./temporary.ts";
import { recordedSigner } from "./transactions.ts";

export interface Validating extends Disposable {
  readonly channel: RecordedChannel;
  readonly org1: LocalSigningIdentity;
  readonly org2: LocalSigningIdentity;
  readonly user1: LocalSigningIdentity;
  /** Names of the codes that validation gives to these transactions. */
  codes(transactions: readonly Uint8Array[]): Promise<string[]>;
}

/** With the blocks before `height` committed. assetcc 1.0 (OR) and othercc 1.0 (AND) exist from 5 on. */
export async function validatingAt(height: number): Promise<Validating> {
  const directory = temporaryDirectory();
  const provider = createEcdsaProvider();
  const blocks = goldenBlocks();
  const channel = openRecordedChannel(directory.path, blocks[0]);
  for (const block of blocks.slice(1, height)) {
    await channel.committer.commitBlock(delivered(block));
  }
  const signers = {
    org1: recordedSigner("org1", "peer0", provider),
    org2: recordedSigner("org2", "peer0", provider),
    user1: recordedSigner("org1", "User1", provider),
  };
  return {
    channel,
    ...signers,
    codes: async (transactions) => {
      const { currentBlockHash } = channel.ledger.info();
      const block = newBlock(BigInt(height), currentBlockHash, transactions);
      return [...await channel.validator.validate(block)].map((code) => TxValidationCode[code]);
    },
    [Symbol.dispose]: () => {
      for (const signer of Object.values(signers)) signer.close();
      channel[Symbol.dispose]();
      provider.close?.();
      directory[Symbol.dispose]();
    },
  };
}
