import assert from "node:assert/strict";
import { Deferred, withDeadline } from "../base/async.ts";
import { silentLogger } from "../base/logger.ts";
import type { LatePrivateData } from "../ledger/types.ts";
import {
  PrivateDataReconciler,
  type ReconciledLedger,
  type ReconcilerOptions,
} from "./private-data-reconciler.ts";

const waitMs = 10_000;

/** A ledger that lacks private data of some blocks. */
class Lacking implements ReconciledLedger {
  readonly channelId = "mychannel";
  readonly taken: LatePrivateData[] = [];

  constructor(readonly blocks: Set<number>, readonly collection = "prices") {}

  missingPrivateData(maxBlocks: number, belowBlock = Infinity) {
    return [...this.blocks].filter((block) => block < belowBlock).toSorted((a, b) => b - a)
      .slice(0, maxBlocks).map((blockNumber) => ({
        blockNumber,
        txNumber: 0,
        namespace: "asset",
        collection: this.collection,
        eligible: false,
      }));
  }

  commitLatePrivateData(late: readonly LatePrivateData[]): number {
    this.taken.push(...late);
    return late.filter(({ blockNumber }) => this.blocks.delete(blockNumber)).length;
  }
}

/** A reconciler over peers that have the data of some blocks. */
function reconciler(
  ledgers: readonly ReconciledLedger[],
  available: readonly number[],
  more: Partial<ReconcilerOptions> = {},
) {
  const asked: number[][] = [];
  return {
    asked,
    reconciler: new PrivateDataReconciler({
      ledgers: () => ledgers,
      isHolder: (_, __, collection) => collection === "prices",
      txIdOf: (_, blockNumber) => `tx${blockNumber}`,
      pull: (_, names) => {
        asked.push(names.map(({ blockNumber }) => blockNumber));
        return Promise.resolve(
          names.filter(({ blockNumber }) => available.includes(blockNumber))
            .map((name) => ({ ...name, rwsets: [Uint8Array.of(name.blockNumber)] })),
        );
      },
      batchBlocks: 2,
      pauseMs: 1,
      logger: silentLogger,
      ...more,
    }),
  };
}

Deno.test("a round goes through all that is missing, past what nobody has", async () => {
  const ledger = new Lacking(new Set([1, 2, 3, 4, 5]));
  const { asked, reconciler: one } = reconciler([ledger], [1, 4]);
  await one.round();
  assert.deepEqual(asked, [[5, 4], [3, 2], [1]]);
  assert.deepEqual([...ledger.blocks], [2, 3, 5]);
  assert.deepEqual(ledger.taken.map(({ rwset }) => [...rwset]), [[4], [1]]);
});

Deno.test("what this peer may not hold now is not asked for", async () => {
  const { asked, reconciler: one } = reconciler([new Lacking(new Set([1]), "secret")], [1]);
  await one.round();
  assert.deepEqual(asked, []);
});

Deno.test("where a collection was redefined, a round begins at once", async () => {
  const asked = new Deferred<void>();
  const { reconciler: one } = reconciler([new Lacking(new Set([1]))], [], {
    pauseMs: 3_600_000,
    pull: () => {
      asked.resolve();
      return Promise.resolve([]);
    },
  });
  one.start();
  one.wake();
  await withDeadline(asked.promise, waitMs, "a round");
  await one.close();
});

Deno.test("a channel that fails does not keep others waiting; rounds go on until it is closed", async () => {
  const broken: ReconciledLedger = {
    channelId: "broken",
    missingPrivateData: () => {
      throw new Error("disk");
    },
    commitLatePrivateData: () => 0,
  };
  const twice = new Deferred<void>();
  const ledger = new Lacking(new Set([1]));
  let rounds = 0;
  const { reconciler: one } = reconciler([broken, ledger], [], {
    pull: () => {
      if (++rounds === 2) twice.resolve();
      return Promise.resolve([]);
    },
  });
  one.start();
  await withDeadline(twice.promise, waitMs, "a second round");
  await one.close();
});
