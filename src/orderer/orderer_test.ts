import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { clone, create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { withDeadline } from "../base/async.ts";
import { hex } from "../base/bytes.ts";
import { bundleFromBlock } from "../channel/bundle.ts";
import { verifyBlock } from "../channel/block-verifier.ts";
import { artifactBlock, goldenBlock, provider } from "../channel/channel_testkit.ts";
import { computeConfigUpdate } from "../channel/compute-update.ts";
import { lastConfigIndex, openConfigBlock } from "../channel/config-block.ts";
import {
  type Block,
  BlockMetadataIndex,
  BlockMetadataSchema,
  EnvelopeSchema,
  HeaderType,
  OrdererBlockMetadataSchema,
  PayloadSchema,
  SignatureHeaderSchema,
  Status,
} from "../gen/common/common_pb.ts";
import { type Config, ConfigGroupSchema$, ConfigSchema } from "../gen/common/configtx_pb.ts";
import { BatchSizeSchema, BatchTimeoutSchema } from "../gen/orderer/configuration_pb.ts";
import { BlockSchema } from "../gen/common/common_pb.ts";
import { blockHeaderHash, blockMetadata } from "../protocol/block.ts";
import { decodeEnvelope } from "../protocol/envelope.ts";
import {
  admin1,
  channelCreation,
  connected,
  message,
  type OrdererConnection,
  ordererSigner,
  signedUpdate,
  signerOf,
  testOrderer,
  user1,
  withDirectory,
  withOrderer,
} from "./orderer_testkit.ts";

const ordererAdmin = signerOf("OrdererMSP", "Admin@example.com");

/** Signatures, chain, data hash of the blocks after the first, as a peer checks them. */
function verifyChain(blocks: Block[]): void {
  let bundle = bundleFromBlock(blocks[0], { provider });
  for (let i = 1; i < blocks.length; i++) {
    const previous = blocks[i - 1].header;
    assert.ok(previous);
    verifyBlock(blocks[i], {
      bundle,
      expectedNumber: BigInt(i),
      expectedPreviousHash: blockHeaderHash(previous),
    });
    if (lastConfigIndex(blocks[i]) === BigInt(i)) bundle = bundleFromBlock(blocks[i], { provider });
  }
}

/** An update of the channel's configuration, signed by the orderer's admin. */
function updateOf(channelId: string, config: Config, change: (next: Config) => void) {
  const next = clone(ConfigSchema, config);
  change(next);
  return signedEnvelopeOf(channelId, computeConfigUpdate(channelId, config, next));
}

function signedEnvelopeOf(channelId: string, update: Parameters<typeof signedUpdate>[1]) {
  const envelope = signedUpdate(channelId, update, [ordererAdmin]);
  const payload = fromBinary(PayloadSchema, envelope.payload);
  if (payload.header) {
    payload.header.signatureHeader = toBinary(
      SignatureHeaderSchema,
      create(SignatureHeaderSchema, { creator: ordererAdmin.serialized }),
    );
  }
  const bytes = toBinary(PayloadSchema, payload);
  return create(EnvelopeSchema, { payload: bytes, signature: ordererAdmin.sign(bytes) });
}

function setBatchSize(next: Config, maxMessageCount: number): void {
  const value = next.channelGroup?.groups.Orderer.values.BatchSize;
  assert.ok(value);
  const size = fromBinary(BatchSizeSchema, value.value);
  size.maxMessageCount = maxMessageCount;
  value.value = toBinary(BatchSizeSchema, size);
}

function setBatchTimeout(next: Config, timeout: string): void {
  const value = next.channelGroup?.groups.Orderer.values.BatchTimeout;
  assert.ok(value);
  value.value = toBinary(BatchTimeoutSchema, create(BatchTimeoutSchema, { timeout }));
}

async function configOf(connection: OrdererConnection, channelId: string): Promise<Config> {
  const [first] = await connection.blocks(channelId, 1);
  return openConfigBlock(first).configEnvelope.config;
}

Deno.test("the recorded channel creation makes the recorded channel", async () => {
  await withOrderer(async (connection) => {
    assert.equal((await connection.createChannel()).status, Status.SUCCESS);
    assert.deepEqual(connection.orderer.channelIds(), ["mychannel", "syschannel"]);
    const [first] = await connection.blocks("mychannel", 1);
    const recorded = openConfigBlock(artifactBlock("mychannel.block")).configEnvelope;
    const made = openConfigBlock(first).configEnvelope;
    assert.deepEqual(
      clone(ConfigGroupSchema$, made.config.channelGroup ?? create(ConfigGroupSchema$)),
      recorded.config.channelGroup,
    );
    assert.equal(made.config.sequence, recorded.config.sequence);
    assert.equal(first.header?.previousHash.length, 0);
    assert.deepEqual(
      toBinary(BlockMetadataSchema, first.metadata ?? create(BlockMetadataSchema)),
      toBinary(
        BlockMetadataSchema,
        artifactBlock("mychannel.block").metadata ?? create(BlockMetadataSchema),
      ),
    );
    const seek = { channelId: "syschannel", start: 0, stop: 1 };
    const { blocks: system } = await connection.deliver(seek, ordererSigner);
    const { channelHeader } = decodeEnvelope(system[1].data?.data[0] ?? new Uint8Array());
    assert.equal(channelHeader.type, HeaderType.ORDERER_TRANSACTION);
    assert.equal(lastConfigIndex(system[1]), 0n);
    verifyChain(system);
  });
});

Deno.test("messages are ordered into blocks that a peer accepts, laid out as the recorded ones", async () => {
  await withOrderer(async (connection) => {
    await connection.createChannel();
    for (const text of ["a", "b", "c"]) {
      const [response] = await connection.broadcast(message(text));
      assert.equal(response.status, Status.SUCCESS);
    }
    const blocks = await connection.blocks("mychannel", 4);
    verifyChain(blocks);
    const texts = blocks.slice(1).map((block) => {
      const { payload } = decodeEnvelope(block.data?.data[0] ?? new Uint8Array());
      return new TextDecoder().decode(payload.data);
    });
    assert.deepEqual(texts, ["a", "b", "c"]);

    const recorded = goldenBlock(3);
    assert.equal(blocks[3].metadata?.metadata.length, recorded.metadata?.metadata.length);
    for (const block of [blocks[3], recorded]) {
      const signatures = blockMetadata(block, BlockMetadataIndex.SIGNATURES);
      assert.equal(signatures.signatures.length, 1);
      const { lastConfig, consenterMetadata } = fromBinary(
        OrdererBlockMetadataSchema,
        signatures.value,
      );
      assert.equal(lastConfig?.index, lastConfigIndex(block));
      assert.equal(consenterMetadata.length, 0);
      assert.deepEqual(blockMetadata(block, BlockMetadataIndex.LAST_CONFIG).signatures, []);
    }
  });
});

Deno.test("a stream of messages fills blocks up to the batch size", async () => {
  await withOrderer(async (connection) => {
    await connection.createChannel();
    const responses = await connection.broadcast(
      ...Array.from({ length: 120 }, (_, i) => message(String(i))),
    );
    assert.equal(responses.filter(({ status }) => status === Status.SUCCESS).length, 120);
    let seen = 0;
    for (let next = 1; seen < 120; next++) {
      const { blocks } = await connection.deliver({
        channelId: "mychannel",
        start: next,
        stop: next,
      });
      const count = blocks[0].data?.data.length ?? 0;
      assert.ok(count >= 1 && count <= 50);
      seen += count;
    }
    assert.equal(seen, 120);
  });
});

Deno.test("without cutWhenIdle a block waits for the batch timeout or its count", async () => {
  await withOrderer(async (connection) => {
    await connection.createChannel();
    const before = Date.now();
    await connection.broadcast(message("a"), message("b"));
    const blocks = await connection.blocks("mychannel", 2);
    assert.equal(blocks[1].data?.data.length, 2);
    assert.ok(Date.now() - before >= 900, "cut before the batch timeout of 1 s");
    const config = await configOf(connection, "mychannel");
    const slow = updateOf("mychannel", config, (next) => setBatchTimeout(next, "1h"));
    await connection.broadcast(slow, ...Array.from({ length: 50 }, (_, i) => message(String(i))));
    const full = withDeadline(connection.blocks("mychannel", 4), 60_000, "the full block");
    assert.equal((await full)[3].data?.data.length, 50);
  }, { cutWhenIdle: false });
});

Deno.test("a config update gets a block of its own and takes effect", async () => {
  await withOrderer(async (connection) => {
    await connection.createChannel();
    const config = await configOf(connection, "mychannel");
    const update = updateOf("mychannel", config, (next) => setBatchSize(next, 1));
    const responses = await connection.broadcast(
      message("before"),
      update,
      message("x"),
      message("y"),
    );
    assert.deepEqual(responses.map(({ info }) => info), ["", "", "", ""]);
    const blocks = await connection.blocks("mychannel", 5);
    assert.deepEqual(blocks.map((block) => block.data?.data.length), [1, 1, 1, 1, 1]);
    assert.deepEqual(blocks.slice(1).map(lastConfigIndex), [0n, 2n, 2n, 2n]);
    const { configEnvelope } = openConfigBlock(blocks[2]);
    assert.equal(configEnvelope.config.sequence, config.sequence + 1n);
    verifyChain(blocks);
  }, { cutWhenIdle: false });
});

Deno.test("an update against an old configuration is refused", async () => {
  await withOrderer(async (connection) => {
    await connection.createChannel();
    const config = await configOf(connection, "mychannel");
    const update = (count: number) =>
      updateOf("mychannel", config, (next) => setBatchSize(next, count));
    assert.equal((await connection.broadcast(update(5)))[0].status, Status.SUCCESS);
    const [refused] = await connection.broadcast(update(6));
    assert.equal(refused.status, Status.BAD_REQUEST);
    assert.match(refused.info, /^error applying config update to existing channel 'mychannel': /);
  });
});

Deno.test("refusals have Fabric's status and text", async () => {
  await withOrderer(async (connection) => {
    await connection.createChannel();
    const refusal = async (envelope: Parameters<typeof connection.broadcast>[0]) => {
      const responses = await connection.broadcast(envelope, message("after a refusal"));
      assert.equal(responses.length, 1, "the stream ends with the refusal");
      return [responses[0].status, responses[0].info];
    };
    assert.deepEqual(await refusal(message("x", { channelId: "nowhere" })), [
      Status.NOT_FOUND,
      "channel does not exist",
    ]);
    const [status, info] = await refusal(
      create(EnvelopeSchema, { ...message("x"), signature: new Uint8Array(70) }),
    );
    assert.equal(status, Status.FORBIDDEN);
    assert.match(String(info), /: permission denied$/);
    assert.deepEqual(await refusal(create(EnvelopeSchema)), [
      Status.BAD_REQUEST,
      "could not determine channel ID: header not set",
    ]);
    const large = message("x".repeat(12 * 1024 * 1024));
    const size = large.payload.length + large.signature.length;
    const [tooLarge, why] = await refusal(large);
    assert.equal(tooLarge, Status.BAD_REQUEST);
    assert.match(String(why), new RegExp(`^message payload is ${size} bytes and exceeds maximum`));
    const [first] = await connection.blocks("mychannel", 1);
    const config = fromBinary(EnvelopeSchema, first.data?.data[0] ?? new Uint8Array());
    assert.deepEqual(await refusal(config), [
      Status.BAD_REQUEST,
      "message is of type that cannot be processed directly",
    ]);
  });
});

Deno.test("a channel is created only by an admin of its consortium", async () => {
  await withOrderer(async (connection) => {
    const [refused] = await connection.broadcast(channelCreation(user1));
    assert.equal(refused.status, Status.BAD_REQUEST);
    assert.match(refused.info, /error validating channel creation transaction for new channel/);
    assert.deepEqual(connection.orderer.channelIds(), ["syschannel"]);
  });
});

Deno.test("creating a channel twice is refused", async () => {
  await withOrderer(async (connection) => {
    await connection.createChannel();
    const again = await connection.createChannel();
    assert.equal(again.status, Status.BAD_REQUEST);
    assert.match(again.info, /^error applying config update to existing channel 'mychannel'/);
    assert.equal(connection.orderer.height("syschannel"), 2);
  });
});

Deno.test("blocks are read by the channel's readers only", async () => {
  await withOrderer(async (connection) => {
    const seek = { channelId: "syschannel", start: 0, stop: 0 };
    assert.equal((await connection.deliver(seek, ordererSigner)).status, Status.SUCCESS);
    const forged = { ...admin1, sign: () => new Uint8Array(70) };
    assert.equal((await connection.deliver(seek, forged)).status, Status.FORBIDDEN);
    const nowhere = { channelId: "nowhere", start: 0, stop: 0 };
    assert.equal((await connection.deliver(nowhere)).status, Status.NOT_FOUND);
  });
});

Deno.test("a closed orderer opens where it stopped, with what was pending written", async () => {
  await withDirectory(async (directory) => {
    const options = { cutWhenIdle: false };
    await connected(testOrderer(directory, options), async (connection) => {
      await connection.createChannel();
      await connection.broadcast(message("pending"));
    });
    await connected(testOrderer(directory, { cutWhenIdle: true }), async (connection) => {
      assert.deepEqual(connection.orderer.channelIds(), ["mychannel", "syschannel"]);
      assert.equal(connection.orderer.height("mychannel"), 2);
      const config = await configOf(connection, "mychannel");
      await connection.broadcast(updateOf("mychannel", config, (next) => setBatchSize(next, 3)));
    });
    await connected(testOrderer(directory), async (connection) => {
      await connection.broadcast(message("after"));
      const blocks = await connection.blocks("mychannel", 4);
      assert.deepEqual(blocks.slice(1).map(lastConfigIndex), [0n, 2n, 2n]);
      verifyChain(blocks);
    });
  });
});

Deno.test("kill -9 at any moment leaves a whole chain", async () => {
  await withDirectory(async (directory) => {
    let height = 0;
    for (let round = 0; round < 3; round++) {
      const child = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          "--no-check",
          new URL("crash_worker.ts", import.meta.url).pathname,
          directory,
        ],
        stdout: "piped",
        stderr: "inherit",
      }).spawn();
      let printed = "";
      for await (const chunk of child.stdout) {
        printed += new TextDecoder().decode(chunk);
        if (printed.split("\n").length > 8 + round * 5) break;
      }
      child.kill("SIGKILL");
      await child.status;
      const seen = Math.max(...printed.trim().split("\n").map(Number));
      await connected(testOrderer(directory), async (connection) => {
        const now = connection.orderer.height("mychannel");
        assert.ok(now >= seen && now > height, `${now} blocks, ${seen} were reported`);
        height = now;
        verifyChain(await connection.blocks("mychannel", now));
      });
    }
  });
});

Deno.test("a data directory belongs to one genesis block and one process", async () => {
  await withDirectory(async (directory) => {
    const orderer = testOrderer(directory);
    assert.throws(() => testOrderer(directory), { code: "ledger-locked" });
    orderer.close();
    const genesis = artifactBlock("genesis.block");
    const other = fromBinary(BlockSchema, toBinary(BlockSchema, genesis));
    if (other.header) other.header.dataHash = new Uint8Array(32);
    assert.throws(() => testOrderer(directory, { systemChannelGenesis: other }), {
      code: "wrong-genesis",
    });
    testOrderer(directory).close();
    await Promise.resolve();
  });
});

Deno.test("a block that begins no system channel is refused and leaves nothing behind", async () => {
  await withDirectory(async (directory) => {
    const systemChannelGenesis = artifactBlock("mychannel.block");
    assert.throws(() => testOrderer(directory, { systemChannelGenesis }), {
      code: "wrong-genesis",
    });
    testOrderer(directory).close();
    await Promise.resolve();
  });
});

Deno.test("a damaged database file is named", async () => {
  await withDirectory(async (directory) => {
    writeFileSync(join(directory, "orderer.db"), "this is no database, ".repeat(100));
    assert.throws(() => testOrderer(directory), { code: "ledger-damaged", message: /orderer\.db/ });
    await Promise.resolve();
  });
});

Deno.test("garbage and mutations of real messages are refused or ordered, never fatal", async () => {
  await withOrderer(async (connection) => {
    await connection.createChannel();
    const originals = [channelCreation(admin1), message("x")];
    for (const original of originals) {
      for (let i = 0; i < 60; i++) {
        const payload = original.payload.slice();
        const at = (i * 7919) % payload.length;
        payload[at] ^= 1 << (i % 8);
        const cut = i % 3 === 0 ? payload.subarray(0, at) : payload;
        const [response] = await connection.broadcast(
          create(EnvelopeSchema, { payload: cut, signature: original.signature }),
        );
        assert.notEqual(response.status, Status.SUCCESS);
        assert.notEqual(response.status, Status.INTERNAL_SERVER_ERROR, hex(cut.subarray(0, 64)));
      }
    }
    assert.equal((await connection.broadcast(message("alive")))[0].status, Status.SUCCESS);
  });
});
