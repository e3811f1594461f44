import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { Deferred } from "../base/async.ts";
import { DenimError } from "../base/errors.ts";
import { silentLogger } from "../base/logger.ts";
import { applicationCapabilities } from "../channel/capabilities.ts";
import type { Bundle } from "../channel/types.ts";
import { type Block, BlockSchema } from "../gen/common/common_pb.ts";
import type { CommitInput, PeerLedger } from "../ledger/types.ts";
import { newBlock } from "../protocol/block.ts";
import { goldenBlocks, goldenPrivateData, goldenValidation } from "../../tests/support/golden.ts";
import { delivered, openRecordedChannel } from "../../tests/support/recorded-channel.ts";
import { temporaryDirectory } from "../../tests/support/temporary.ts";
import { type CommitterOptions, createCommitter } from "./committer.ts";

const blocks = goldenBlocks().map(delivered);
const validation = goldenValidation();

const hasCode = (code: string) => (error: unknown) =>
  error instanceof DenimError && error.code === code;

Deno.test("only the next block of the chain is committed, and each only once", async () => {
  using directory = temporaryDirectory();
  using channel = openRecordedChannel(directory.path, blocks[0]);
  const { committer, ledger } = channel;
  await assert.rejects(committer.commitBlock(blocks[2]), hasCode("block-out-of-order"));
  await assert.rejects(committer.commitBlock(blocks[0]), hasCode("block-out-of-order"));
  await assert.rejects(
    committer.commitBlock(create(BlockSchema)),
    hasCode("block-out-of-order"),
  );
  const foreign = newBlock(1n, new Uint8Array(32), blocks[1].data?.data ?? []);
  await assert.rejects(committer.commitBlock(foreign), hasCode("bad-previous-hash"));
  // Handed over without waiting, with a repetition: in order, and the repetition refused.
  const handed = [blocks[1], blocks[2], blocks[2], blocks[3]].map((b) => committer.commitBlock(b));
  const results = await Promise.allSettled(handed);
  assert.deepEqual(results.map(({ status }) => status), [
    "fulfilled",
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  await committer.idle();
  assert.equal(ledger.info().height, 4);
});

Deno.test("a configuration takes effect with its block, and not before it is committed", async () => {
  using directory = temporaryDirectory();
  using channel = openRecordedChannel(directory.path, blocks[0]);
  const heights: [number, number][] = [[channel.ledger.info().height, channel.bundle().sequence]];
  const stop = channel.ledger.onCommit(({ number }) => {
    heights.push([number + 1, channel.bundle().sequence]);
  });
  for (const block of blocks.slice(1, 4)) await channel.committer.commitBlock(block);
  stop();
  heights.push([channel.ledger.info().height, channel.bundle().sequence]);
  // Listeners are called within the commit, so they still see the configuration before it.
  assert.deepEqual(heights, [[1, 1], [2, 1], [3, 2], [4, 3], [4, 3]]);
});

/** A committer over a ledger that only records what it is given. */
function recordingCommitter(options: {
  readonly block: Block;
  readonly flags: Uint8Array;
  readonly stored: PeerLedger["transientStore"]["get"];
  readonly isEligible?: (namespace: string, collection: string) => boolean | undefined;
  readonly capability?: string;
  readonly validate?: () => Promise<Uint8Array>;
  readonly prepareConfig?: () => () => void;
  readonly fetchPrivateData?: CommitterOptions["fetchPrivateData"];
}) {
  const commits: CommitInput[] = [];
  const purged: string[][] = [];
  const below: number[] = [];
  const header = options.block.header;
  const capabilities = applicationCapabilities(new Set([options.capability ?? "V1_4_2"]));
  const committer = createCommitter({
    channelId: "mychannel",
    validator: {
      validate: options.validate ?? (() => Promise.resolve(options.flags)),
      prepare() {},
    },
    ledger: {
      info: () => ({
        height: Number(header?.number),
        currentBlockHash: header?.previousHash ?? new Uint8Array(0),
        previousBlockHash: new Uint8Array(0),
      }),
      commit: (input) => {
        commits.push(input);
        return {
          number: Number(header?.number),
          block: input.block,
          flags: input.flags,
          txIds: [],
        };
      },
      transientStore: {
        persist: () => {},
        get: options.stored,
        purgeByTxIds: (ids) => purged.push([...ids]),
        purgeBelowHeight: (height) => below.push(height),
      },
    },
    bundleSource: { bundle: () => ({ capabilities } as Bundle) },
    prepareConfig: options.prepareConfig ?? (() => () => {}),
    newEligibility: () => options.isEligible ?? (() => true),
    transientRetentionBlocks: 5,
    fetchPrivateData: options.fetchPrivateData,
    clock: { now: () => 0 },
    logger: silentLogger,
  });
  return { committer, commits, purged, below };
}

/** The first recorded block with private data. */
const [privateNumber, privateSets] = [...goldenPrivateData()].sort(([a], [b]) => a - b)[0];
const privateBlock = blocks[privateNumber];
const privateTxIds = validation[privateNumber].txs.map(({ txid }) => txid);
const privateFlags = new Uint8Array(privateTxIds.length);

function storedSets(txId: string) {
  const set = privateSets.get(privateTxIds.indexOf(txId));
  return set ? [set] : [];
}

Deno.test("a block is forced to the disk, unless the next one is at hand already", async () => {
  const next = blocks[privateNumber + 1];
  const commit = async (...prepared: Block[]) => {
    const { committer, commits } = recordingCommitter({
      block: privateBlock,
      flags: privateFlags,
      stored: storedSets,
    });
    for (const block of prepared) committer.prepare(block);
    await committer.commitBlock(privateBlock);
    return commits[0].moreFollow;
  };
  assert.deepEqual(
    [await commit(), await commit(privateBlock), await commit(privateBlock, next)],
    [false, false, true],
  );
});

Deno.test("private data that hashes to the promise is committed, the rest is recorded as missing", async () => {
  const lost = privateTxIds[1];
  const { committer, commits, purged } = recordingCommitter({
    block: privateBlock,
    flags: privateFlags,
    stored: (txId) => {
      const sets = storedSets(txId);
      if (txId !== lost) return sets;
      // Another endorser's clear text does not match what was endorsed.
      return sets.map((set) => ({
        ...set,
        nsPvtRwset: set.nsPvtRwset.map((ns) => ({
          ...ns,
          collectionPvtRwset: ns.collectionPvtRwset.map((collection) => ({
            ...collection,
            rwset: Uint8Array.from([...collection.rwset, 0]),
          })),
        })),
      }));
    },
  });
  await committer.commitBlock(privateBlock);
  const [{ privateData, missingPrivateData }] = commits;
  const expected = [...privateSets.keys()].filter((tx) => privateTxIds[tx] !== lost);
  assert.deepEqual([...privateData?.keys() ?? []], expected);
  for (const tx of expected) {
    const [found, recorded] = [privateData?.get(tx), privateSets.get(tx)];
    assert.deepEqual(found?.nsPvtRwset, recorded?.nsPvtRwset);
  }
  assert.deepEqual(missingPrivateData?.map(({ txNumber, eligible }) => [txNumber, eligible]), [[
    1,
    true,
  ]]);
  assert.deepEqual(purged, [privateTxIds]);
});

Deno.test("what this peer may hold and lacks is asked for before the block is committed", async () => {
  const lost = privateTxIds[1];
  const fetched = new Set<string>();
  const asked: [number, number, string, string][] = [];
  const { committer, commits } = recordingCommitter({
    block: privateBlock,
    flags: privateFlags,
    stored: (txId) => txId !== lost || fetched.has(txId) ? storedSets(txId) : [],
    fetchPrivateData: (block, wanted) => {
      assert.equal(commits.length, 0);
      for (const { txNumber, txId, collection } of wanted) {
        asked.push([block, txNumber, txId, collection]);
        fetched.add(txId);
      }
      return Promise.resolve();
    },
  });
  await committer.commitBlock(privateBlock);
  const collections = privateSets.get(1)?.nsPvtRwset.flatMap((ns) =>
    ns.collectionPvtRwset.map(({ collectionName }) => collectionName)
  );
  assert.deepEqual(asked, collections?.map((name) => [privateNumber, 1, lost, name]));
  assert.deepEqual([...commits[0].privateData?.keys() ?? []], [...privateSets.keys()]);
  assert.deepEqual(commits[0].missingPrivateData, []);
});

Deno.test("collections of others are missing without right, undefined ones are passed over", async () => {
  const { committer, commits, purged } = recordingCommitter({
    block: privateBlock,
    flags: privateFlags,
    stored: storedSets,
    isEligible: (_, collection) => collection === "both" ? false : undefined,
  });
  await committer.commitBlock(privateBlock);
  const [{ privateData, missingPrivateData }] = commits;
  assert.equal(privateData?.size, 0);
  assert.ok((missingPrivateData?.length ?? 0) > 0);
  assert.ok(missingPrivateData?.every((entry) => entry.collection === "both" && !entry.eligible));
  assert.deepEqual(purged, []);
});

Deno.test("private data of invalid transactions is kept from V1_4_2 on only", async () => {
  const flags = new Uint8Array(privateTxIds.length).fill(10);
  for (const [capability, count] of [["V1_4_2", privateSets.size], ["V1_3", 0]] as const) {
    const { committer, commits } = recordingCommitter({
      block: privateBlock,
      flags,
      stored: storedSets,
      capability,
    });
    await committer.commitBlock(privateBlock);
    assert.equal(commits[0].privateData?.size, count, capability);
  }
});

Deno.test("old transient data is purged at every retention interval", async () => {
  for (const number of [4, 5, 9, 10]) {
    const block = newBlock(BigInt(number), new Uint8Array(0), []);
    const { committer, below } = recordingCommitter({
      block,
      flags: new Uint8Array(0),
      stored: () => [],
    });
    await committer.commitBlock(block);
    assert.deepEqual(below, number === 10 ? [5] : []);
  }
});

Deno.test("validation that fails, or a configuration that cannot be used, keeps the block out", async () => {
  const config = blocks[1];
  const refuse = () => {
    throw new DenimError("unsupported-capability", "V9_9 is required but not supported");
  };
  const unusable = recordingCommitter({
    block: config,
    flags: new Uint8Array(1),
    stored: () => [],
    prepareConfig: refuse,
  });
  await assert.rejects(unusable.committer.commitBlock(config), hasCode("unsupported-capability"));
  assert.equal(unusable.commits.length, 0);
  const invalid = recordingCommitter({
    block: config,
    flags: Uint8Array.of(6),
    stored: () => [],
    prepareConfig: refuse,
  });
  await invalid.committer.commitBlock(config);
  assert.equal(invalid.commits.length, 1);
  const gate = new Deferred<Uint8Array>();
  const failing = recordingCommitter({
    block: config,
    flags: new Uint8Array(1),
    stored: () => [],
    validate: () => gate.promise,
  });
  const committed = failing.committer.commitBlock(config);
  gate.reject(new Error("state unreadable"));
  await assert.rejects(committed, /state unreadable/);
  assert.equal(failing.commits.length, 0);
});

Deno.test("unreadable transactions do not disturb the search for private data", async () => {
  const garbage = newBlock(3n, new Uint8Array(0), [
    new Uint8Array(0),
    new Uint8Array([1, 2, 3]),
    toBinary(BlockSchema, blocks[1]),
  ]);
  const { committer, commits } = recordingCommitter({
    block: garbage,
    flags: new Uint8Array(3).fill(255),
    stored: () => [],
  });
  await committer.commitBlock(garbage);
  assert.equal(commits.length, 1);
});
