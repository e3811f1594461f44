/** Crashes, full disks and damaged files under a peer that pulls its channel's blocks. */
import assert from "node:assert/strict";
import {
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { hex, text } from "../src/base/bytes.ts";
import { silentLogger } from "../src/base/logger.ts";
import { createEcdsaProvider } from "../src/crypto/provider.ts";
import { type Block, BlockMetadataIndex } from "../src/gen/common/common_pb.ts";
import { createLedgerProvider } from "../src/ledger/ledger-provider.ts";
import { rebuildLedger } from "../src/ledger/maintenance.ts";
import type { PeerLedger } from "../src/ledger/types.ts";
import { replay } from "../src/node/ledger-replay.ts";
import { blockMetadata, metadataSlot } from "../src/protocol/block.ts";
import { madeChain, serveBlocks } from "./support/block-orderer.ts";
import { recordedOrNow } from "./support/golden-node.ts";
import { temporaryDirectory } from "./support/temporary.ts";
import { verifyChain } from "./support/verify-chain.ts";

const program = fileURLToPath(new URL("./support/pulling-peer.ts", import.meta.url));
const waitMs = 60_000;

/** A peer in a process of its own. */
class PullingPeer implements AsyncDisposable {
  readonly lines: string[] = [];
  log = "";
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;
  #wake: () => void = () => {};

  constructor(directory: string, orderer: string) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", program, directory, orderer],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#reading = Promise.all([
      this.#read(this.#child.stdout, (part) => this.lines.push(...part.split("\n").slice(0, -1))),
      this.#read(this.#child.stderr, (part) => this.log += part),
    ]);
  }

  async #read(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
    let rest = "";
    for await (const chunk of stream) {
      rest += text(chunk);
      const whole = rest.lastIndexOf("\n") + 1;
      take(rest.slice(0, whole));
      rest = rest.slice(whole);
      this.#wake();
    }
  }

  /** Resolves when `holds` does; looked at with every line the process prints. */
  async until(holds: () => boolean): Promise<void> {
    const deadline = Date.now() + waitMs;
    while (!holds()) {
      const leftMs = deadline - Date.now();
      assert.ok(leftMs > 0, `it did not happen: ${this.lines.slice(-3)}\n${this.log}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  get opened(): number {
    return Number(this.lines.find((line) => line.startsWith("opened mychannel"))?.split(" ")[2]);
  }

  get newest(): number {
    const line = this.lines.at(-1) ?? "";
    return /^\d+$/.test(line) ? Number(line) : this.opened - 1;
  }

  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    this.#child.kill(signal);
    await this.#reading;
    const status = await this.#child.status;
    if (signal === "SIGTERM") assert.equal(status.code, 0, this.log);
    else assert.equal(status.signal, "SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.#reading;
    await this.#child.status;
  }
}

function chain(blocks: number, transactionsPerBlock: number, valueBytes = 100): Block[] {
  const provider = createEcdsaProvider();
  try {
    return madeChain(provider, { blocks, transactionsPerBlock, valueBytes });
  } finally {
    provider.close?.();
  }
}

/** What the blocks make of a ledger that nothing disturbs. */
async function undisturbed(blocks: readonly Block[]) {
  using directory = temporaryDirectory();
  return await replay(
    {
      channelId: "mychannel",
      blocks,
      privateData: new Map(),
      validation: undefined,
      state: undefined,
    },
    { directory: directory.path, mspId: "Org1MSP", clock: recordedOrNow, logger: silentLogger },
  );
}

function withLedger<T>(directory: string, look: (ledger: PeerLedger) => T): T {
  const provider = createLedgerProvider({ directory });
  try {
    return look(provider.open("mychannel"));
  } finally {
    provider.close();
  }
}

const commitHash = (block: Block) =>
  hex(blockMetadata(block, BlockMetadataIndex.COMMIT_HASH).value);

const entriesOf = (ledger: PeerLedger) =>
  [...ledger.stateEntries()].map(({ namespace, key, value, version }) =>
    `${namespace} ${hex(key)} ${hex(value)} ${version.blockNumber}.${version.txNumber}`
  );

/** Every block up to `height` is there, whole, with the flags and the commit hash it should have. */
function assertIntact(
  ledger: PeerLedger,
  height: number,
  expected: Awaited<ReturnType<typeof undisturbed>>,
): void {
  assert.deepEqual([...verifyChain(ledger)], []);
  for (let number = 1; number < height; number++) {
    const block = ledger.blockByNumber(number);
    assert.equal(commitHash(block), expected.blocks[number].commitHash, `block ${number}`);
    assert.deepEqual(
      [...metadataSlot(block, BlockMetadataIndex.TRANSACTIONS_FILTER)],
      expected.blocks[number].txs.map(({ code }) => code),
    );
  }
}

Deno.test("a peer killed again and again while it commits ends where an undisturbed one does", async () => {
  const rounds = 16;
  const blocks = chain(400, 20);
  const expected = await undisturbed(blocks);
  assert.equal(expected.stopped, undefined);
  const flags = new Set(expected.blocks.slice(11).flatMap(({ txs }) => txs.map((tx) => tx.name)));
  assert.deepEqual([...flags], ["VALID"]);
  const server = await serveBlocks(blocks);
  using directory = temporaryDirectory();
  try {
    let height = 1;
    for (let round = 1; round <= rounds; round++) {
      await using peer = new PullingPeer(directory.path, server.address);
      // Anywhere within the next blocks, so that all rounds find something to do.
      const target = height +
        Math.floor(Math.random() * ((blocks.length - height) / (rounds - round + 2)));
      await peer.until(() => peer.newest >= target);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 8));
      await peer.end("SIGKILL");
      assert.ok(peer.opened >= height, `round ${round}: ${peer.opened} of ${height} blocks`);
      height = peer.newest + 1;
      withLedger(directory.path, (ledger) => {
        const found = ledger.info().height;
        assert.ok(found === height || found === height + 1, `${found}, but ${height} announced`);
        height = found;
        assert.deepEqual([...verifyChain(ledger)], []);
      });
    }
    await using peer = new PullingPeer(directory.path, server.address);
    await peer.until(() => peer.newest === blocks.length - 1);
    await peer.end("SIGTERM");
    withLedger(directory.path, (ledger) => {
      assertIntact(ledger, blocks.length, expected);
      assert.equal(
        entriesOf(ledger).filter((line) => line.startsWith("assetcc ")).length,
        expected.state.filter(({ namespace }) => namespace === "assetcc").length,
      );
    });
  } finally {
    await server.close(0);
  }
});

/** Whether small file systems can be mounted here. */
function canMount(): boolean {
  using directory = temporaryDirectory();
  const { success } = new Deno.Command("mount", {
    args: ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory.path],
    stderr: "null",
  }).outputSync();
  if (success) new Deno.Command("umount", { args: [directory.path] }).outputSync();
  return success;
}

const mountable = Deno.build.os === "linux" && canMount();

Deno.test({
  name: mountable
    ? "on a full disk a peer says so, waits, and goes on when there is space"
    : "on a full disk a peer waits (SKIPPED: cannot mount a small file system here)",
  ignore: !mountable,
  fn: async () => {
    const blocks = chain(120, 10, 4_000);
    const server = await serveBlocks(blocks);
    using directory = temporaryDirectory();
    const disk = join(directory.path, "disk");
    mkdirSync(disk);
    new Deno.Command("mount", { args: ["-t", "tmpfs", "-o", "size=64m", "tmpfs", disk] })
      .outputSync();
    try {
      const { bavail, bsize } = statfsSync(disk);
      const ballast = join(disk, "ballast");
      writeFileSync(ballast, new Uint8Array(bavail * bsize - 3 * 1024 * 1024));
      await using peer = new PullingPeer(join(disk, "ledgers"), server.address);
      await peer.until(() =>
        /no space left for the ledger database .*ledger\.db\. Free some/.test(peer.log)
      );
      const stuckAt = peer.newest;
      assert.ok(stuckAt < blocks.length - 1);
      rmSync(ballast);
      await peer.until(() => peer.newest === blocks.length - 1);
      assert.match(peer.log, /there is space again: going on|no space left/);
      await peer.end("SIGTERM");
      withLedger(join(disk, "ledgers"), (ledger) => {
        assert.equal(ledger.info().height, blocks.length);
        assert.deepEqual([...verifyChain(ledger)], []);
      });
    } finally {
      await server.close(0);
      new Deno.Command("umount", { args: [disk] }).outputSync();
    }
  },
});

/** Overwrites the first page of a table. */
function damageTable(file: string, table: string): void {
  const database = new DatabaseSync(file);
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  const { rootpage } = database.prepare("SELECT rootpage FROM sqlite_master WHERE name = ?")
    .get(table) as { rootpage: number };
  const { page_size: size } = database.prepare("PRAGMA page_size").get() as { page_size: number };
  database.close();
  const handle = openSync(file, "r+");
  writeSync(handle, new Uint8Array(size).fill(0xee), 0, size, (rootpage - 1) * size);
  closeSync(handle);
}

Deno.test("a channel whose file is damaged is named with what to do; the others work on", async () => {
  const blocks = chain(5, 3);
  const expected = await undisturbed(blocks);
  const server = await serveBlocks(blocks);
  using directory = temporaryDirectory();
  try {
    {
      await using peer = new PullingPeer(directory.path, server.address);
      await peer.until(() => peer.newest === blocks.length - 1);
      await peer.end("SIGTERM");
    }
    const file = join(directory.path, "mychannel", "ledger.db");
    const sound = readFileSync(file);
    const copy = join(directory.path, "zchannel");
    cpSync(join(directory.path, "mychannel"), copy, { recursive: true });
    damageTable(join(copy, "ledger.db"), "blocks");
    {
      await using peer = new PullingPeer(directory.path, server.address);
      await peer.until(() => peer.opened === blocks.length);
      assert.match(
        peer.log,
        /cannot open channel zchannel: the ledger database .*zchannel\/ledger\.db is damaged/,
      );
      assert.match(peer.log, /denim node reset/);
      assert.deepEqual(peer.lines, [`opened mychannel ${blocks.length}`]);
      await peer.end("SIGTERM");
    }
    rmSync(copy, { recursive: true });
    writeFileSync(file, sound);
    damageTable(file, "state");
    withLedger(directory.path, (ledger) => {
      assert.throws(() => entriesOf(ledger), { code: "ledger-damaged" });
    });
    rebuildLedger({ directory: directory.path, channelId: "mychannel" });
    withLedger(directory.path, (ledger) => {
      assertIntact(ledger, blocks.length, expected);
      assert.ok(entriesOf(ledger).length > expected.state.length);
    });
  } finally {
    await server.close(0);
  }
});
