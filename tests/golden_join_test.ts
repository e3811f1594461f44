/**
 * A peer joins the recorded channel with its first block and pulls the others from an ordering
 * service that hands them out as the recorded one did: without what peers add to the metadata.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { concat, emptyBytes, hex, utf8 } from "../src/base/bytes.ts";
import { type Logger, silentLogger } from "../src/base/logger.ts";
import { createEcdsaProvider } from "../src/crypto/provider.ts";
import { type Block, BlockMetadataIndex, BlockSchema } from "../src/gen/common/common_pb.ts";
import {
  AtomicBroadcast,
  type DeliverResponse,
  DeliverResponseSchema,
  SeekInfoSchema,
} from "../src/gen/orderer/ab_pb.ts";
import { createLedgerProvider } from "../src/ledger/ledger-provider.ts";
import { loadSigningIdentity } from "../src/msp/signing-identity.ts";
import { Channels } from "../src/node/channels.ts";
import { asDelivered } from "../src/node/ledger-replay.ts";
import { decodeAsGo } from "../src/protocol/go-wire.ts";
import { openEnvelope } from "../src/protocol/envelope.ts";
import { createRpcClient } from "../src/rpc/client.ts";
import { createRpcServer } from "../src/rpc/server.ts";
import { goldenJoinBlock } from "./support/golden-peer.ts";
import { goldenBlocks, goldenValidation } from "./support/golden.ts";
import { recordedOrNow } from "./support/golden-node.ts";
import { temporaryDirectory } from "./support/temporary.ts";

const keys = (path: string) =>
  fileURLToPath(new URL(`testdata/golden/crypto-config/${path}`, import.meta.url));
const pem = (path: string) => readFileSync(keys(path), "utf8");

const blocks = goldenBlocks().map(asDelivered);
const validation = goldenValidation();
/** Its orderer let transactions through that are no envelopes; signed blocks cannot be told apart. */
const unreadable = 11;

/** Hands out blocks by number; `change` may replace one. Ends the stream after the last. */
async function startOrderer(change: (block: Block, asked: number) => Block = (block) => block) {
  const seeks: number[] = [];
  const server = await createRpcServer({
    listen: "127.0.0.1:0",
    tls: {
      certificate: pem(
        "ordererOrganizations/example.com/orderers/orderer.example.com/tls/server.crt",
      ),
      key: pem("ordererOrganizations/example.com/orderers/orderer.example.com/tls/server.key"),
    },
    logger: silentLogger,
  });
  server.register(AtomicBroadcast, {
    async *deliver(requests, { signal }): AsyncGenerator<DeliverResponse> {
      for await (const request of requests) {
        const { payload } = openEnvelope(request);
        const { start } = decodeAsGo(SeekInfoSchema, payload.data);
        const first = start?.Type.case === "specified" ? Number(start.Type.value.number) : 0;
        seeks.push(first);
        for (const block of blocks.slice(first)) {
          const value = change(block, seeks.length);
          yield create(DeliverResponseSchema, { Type: { case: "block", value } });
        }
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      }
    },
  });
  return { server, seeks };
}

type Orderer = Awaited<ReturnType<typeof startOrderer>>;

/** Joins, and waits until the peer has nothing more to take from the orderer. */
async function withPeer(
  orderer: Orderer,
  ended: (channels: Channels, warnings: readonly string[]) => boolean,
  check: (channels: Channels, warnings: readonly string[]) => void,
): Promise<void> {
  using directory = temporaryDirectory();
  const ecdsa = createEcdsaProvider();
  const mspPath = keys("peerOrganizations/org1.example.com/peers/peer0.org1.example.com/msp");
  const signer = loadSigningIdentity(mspPath, "Org1MSP", ecdsa, { clock: recordedOrNow });
  const ledgers = createLedgerProvider({ directory: directory.path });
  const warnings: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (message, facts) => {
      if (message.includes("Cannot take blocks")) warnings.push(String(facts?.reason));
    },
    named: () => logger,
  };
  const addresses = new Set<string>();
  const channels = new Channels(ledgers, {
    ecdsa,
    signer,
    identitiesOf: () => undefined,
    connectOrderer: (address, tlsRoots) => {
      addresses.add(address);
      return createRpcClient({
        address: orderer.server.address,
        tls: { rootCertificates: tlsRoots, serverNameOverride: "orderer.example.com" },
      });
    },
    tlsCertificateHash: undefined,
    reconnect: {},
    transientRetentionBlocks: 1000,
    clock: recordedOrNow,
    logger,
  });
  try {
    channels.join("mychannel", goldenJoinBlock());
    const deadline = Date.now() + 30_000;
    while (!ended(channels, warnings)) {
      assert.ok(Date.now() < deadline, `stuck at ${height(channels)}: ${warnings.join("\n")}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.deepEqual([...addresses], ["127.0.0.1:7050"]);
    check(channels, warnings);
  } finally {
    await channels.stopAll();
    await orderer.server.close(0);
    ledgers.close();
    signer.close();
    ecdsa.close?.();
  }
}

const height = (channels: Channels) => channels.ledger("mychannel")?.info().height ?? 0;

function codesOf(channels: Channels, number: number): number[] {
  const block = channels.ledger("mychannel")?.blockByNumber(number);
  return [...block?.metadata?.metadata[BlockMetadataIndex.TRANSACTIONS_FILTER] ?? []];
}

/** The peer has what can be told apart, with the recorded flags. */
function assertRecorded(channels: Channels): void {
  for (const { block, title, txs } of validation.slice(0, unreadable)) {
    assert.deepEqual(codesOf(channels, block), txs.map(({ code }) => code), `${block} ${title}`);
  }
  const commitHash = channels.ledger("mychannel")?.commitHash() ?? emptyBytes;
  assert.equal(hex(commitHash), validation[unreadable - 1].commitHash);
}

Deno.test("a joining peer pulls the recorded blocks and ends with the recorded flags and hash", async () => {
  const orderer = await startOrderer();
  await withPeer(
    orderer,
    (channels, warnings) => height(channels) === unreadable && warnings.length > 0,
    (channels, warnings) => {
      assertRecorded(channels);
      // Block 0 came with the join.
      assert.equal(orderer.seeks[0], 1);
      assert.match(warnings[0], /Block with id \[11\] .* not well formed: transaction \d+ /);
      assert.equal(height(channels), unreadable);
    },
  );
});

Deno.test("blocks that an orderer has changed are not taken, the true ones are", async () => {
  const changes: [number, (block: Block) => void][] = [
    [3, ({ data }) => data?.data.push(utf8("\n\0"))],
    [5, ({ data }) => data?.data.splice(0, 2, concat(...data.data.slice(0, 2)))],
    [6, ({ header }) => header && (header.previousHash = new Uint8Array(32))],
    [8, ({ metadata }) => metadata?.metadata.fill(emptyBytes)],
  ];
  const orderer = await startOrderer((block, asked) => {
    const [number, change] = changes[asked - 1] ?? [];
    if (block.header?.number !== BigInt(number ?? -1)) return block;
    const changed = fromBinary(BlockSchema, toBinary(BlockSchema, block));
    change?.(changed);
    return changed;
  });
  await withPeer(
    orderer,
    (channels, warnings) => height(channels) === unreadable && warnings.length > changes.length,
    (channels, warnings) => {
      assertRecorded(channels);
      assert.deepEqual(orderer.seeks.slice(0, 5), [1, 3, 5, 6, 8]);
      const reasons = [
        /Header.DataHash is different/,
        /Header.DataHash is different|not well formed/,
        /PreviousHash/,
        /implicit policy|signature set did not satisfy/,
      ];
      reasons.forEach((reason, i) => assert.match(warnings[i], reason));
    },
  );
});
