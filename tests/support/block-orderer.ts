/** The recorded channel's ordering service, with its keys, handing out blocks that a test has made. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { create, toBinary } from "@bufbuild/protobuf";
import { sleep } from "../../src/base/async.ts";
import { concat } from "../../src/base/bytes.ts";
import { silentLogger } from "../../src/base/logger.ts";
import type { EcdsaProvider } from "../../src/crypto/types.ts";
import {
  type Block,
  BlockMetadataIndex,
  LastConfigSchema,
  MetadataSchema,
  SignatureHeaderSchema,
} from "../../src/gen/common/common_pb.ts";
import {
  AtomicBroadcast,
  type DeliverResponse,
  DeliverResponseSchema,
  SeekInfoSchema,
} from "../../src/gen/orderer/ab_pb.ts";
import type { SigningIdentity } from "../../src/msp/types.ts";
import { asDelivered } from "../../src/node/ledger-replay.ts";
import {
  blockHeaderBytes,
  blockHeaderHash,
  newBlock,
  setMetadataSlot,
} from "../../src/protocol/block.ts";
import { openEnvelope } from "../../src/protocol/envelope.ts";
import { decodeAsGo } from "../../src/protocol/go-wire.ts";
import { newNonce } from "../../src/protocol/txid.ts";
import { createRpcServer } from "../../src/rpc/server.ts";
import { goldenBlocks } from "./golden.ts";
import { buildTransaction, recordedOrderer, recordedSigner } from "./transactions.ts";

/** The newest recorded block that orderers may hand out: the next has data that is no envelope. */
const newestRecorded = 10;
const newestConfig = 2n;

export interface ChainOptions {
  readonly blocks: number;
  readonly transactionsPerBlock: number;
  /** Org1's signature alone, or Org1's and Org2's. */
  readonly endorsements?: 1 | 2;
  /** Different keys that transactions write in turn. */
  readonly keys?: number;
  readonly valueBytes?: number;
}

/** Blocks 0 to 10 of the recording, then made ones with transactions of assetcc, all rightly signed. */
export function madeChain(provider: EcdsaProvider, options: ChainOptions): Block[] {
  const { transactionsPerBlock, endorsements = 1, keys = 1000, valueBytes = 100 } = options;
  const orderer = recordedOrderer(provider);
  const creator = recordedSigner("org1", "User1", provider);
  const endorsers = [recordedSigner("org1", "peer0", provider)];
  if (endorsements === 2) endorsers.push(recordedSigner("org2", "peer0", provider));
  const chain = goldenBlocks().slice(0, newestRecorded + 1).map(asDelivered);
  // assetcc asks for one organisation, othercc for both.
  const chaincode = endorsements === 2 ? "othercc" : "assetcc";
  const value = "v".repeat(valueBytes);
  for (let i = 0; i < options.blocks; i++) {
    const transactions = Array.from({ length: transactionsPerBlock }, (_, t) => {
      const key = `made${(i * transactionsPerBlock + t) % keys}`;
      const writes = { [key]: `${chain.length}.${t} ${value}` };
      const sets = [{ namespace: chaincode, writes }];
      return buildTransaction({ creator, endorsers, chaincode, sets }).bytes;
    });
    chain.push(orderedBlock(chain[chain.length - 1], transactions, orderer));
  }
  for (const signer of [orderer, creator, ...endorsers]) signer.close();
  return chain;
}

/**
 * The next block, signed.
 * @param lastConfig number of the configuration block in force then
 */
export function orderedBlock(
  { header: previous }: Block,
  transactions: readonly Uint8Array[],
  orderer: SigningIdentity,
  lastConfig = newestConfig,
): Block {
  if (!previous) throw new Error("a block without header");
  const block = newBlock(previous.number + 1n, blockHeaderHash(previous), [...transactions]);
  signBlock(block, orderer, lastConfig);
  return block;
}

function signBlock(block: Block, orderer: SigningIdentity, lastConfig: bigint): void {
  if (!block.header) throw new Error("a block without header");
  const headerBytes = blockHeaderBytes(block.header);
  const metadata = (value: Uint8Array) => {
    const signatureHeader = toBinary(
      SignatureHeaderSchema,
      create(SignatureHeaderSchema, { creator: orderer.serialized, nonce: newNonce() }),
    );
    const signature = orderer.sign(concat(value, signatureHeader, headerBytes));
    const message = create(MetadataSchema, { value, signatures: [{ signatureHeader, signature }] });
    return toBinary(MetadataSchema, message);
  };
  const config = toBinary(LastConfigSchema, create(LastConfigSchema, { index: lastConfig }));
  setMetadataSlot(block, BlockMetadataIndex.SIGNATURES, metadata(new Uint8Array()));
  setMetadataSlot(block, BlockMetadataIndex.LAST_CONFIG, metadata(config));
}

const tlsFile = (name: string) =>
  readFileSync(
    fileURLToPath(
      new URL(
        `../testdata/golden/crypto-config/ordererOrganizations/example.com/orderers/orderer.example.com/tls/${name}`,
        import.meta.url,
      ),
    ),
    "utf8",
  );

/** What the recorded orderer shows: a certificate for orderer.example.com. */
const recordedTls = { certificate: tlsFile("server.crt"), key: tlsFile("server.key") };

/** Hands out the chain from wherever a peer asks, with pauses between blocks; then waits. */
export async function serveBlocks(
  chain: readonly Block[],
  { listen = "127.0.0.1:0", pauseMs = 0, tls = recordedTls } = {},
) {
  const server = await createRpcServer({
    listen,
    tls,
    logger: silentLogger,
  });
  server.register(AtomicBroadcast, {
    async *deliver(requests, { signal }): AsyncGenerator<DeliverResponse> {
      for await (const request of requests) {
        const { start } = decodeAsGo(SeekInfoSchema, openEnvelope(request).payload.data);
        const first = start?.Type.case === "specified" ? Number(start.Type.value.number) : 0;
        for (const value of chain.slice(first)) {
          yield create(DeliverResponseSchema, { Type: { case: "block", value } });
          if (pauseMs > 0) await sleep(pauseMs, signal);
        }
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      }
    },
  });
  return server;
}
