/** An orderer that answers pings, and keeps its blocks. */
import assert from "node:assert/strict";
import { clone, fromBinary } from "@bufbuild/protobuf";
import { Deferred, sleep } from "../base/async.ts";
import { BlockSchema, PayloadSchema } from "../gen/common/common_pb.ts";
import { SeekInfoSchema } from "../gen/orderer/ab_pb.ts";
import { until } from "../../tests/support/until.ts";
import { createDeliverClient } from "./deliver-client.ts";
import {
  type Answer,
  blockResponse,
  blocks,
  type FakeOrderer,
  honest,
  type Run,
  withOrderers,
} from "./deliver_testkit.ts";

const quick = { silenceMs: 20, graceMs: 20, answerMs: 10_000 };

/** Serves the first four blocks, then nothing. */
const withholding: Answer = async function* (from, signal) {
  for (const block of blocks.slice(from, 4)) yield blockResponse(block);
  await sleep(600_000, signal);
};

/** How often blocks were asked for, not just the newest. */
function pulls({ seeks }: FakeOrderer): number {
  return seeks.filter(({ payload }) => {
    const { data } = fromBinary(PayloadSchema, payload);
    return fromBinary(SeekInfoSchema, data).start?.Type.case === "specified";
  }).length;
}

async function pulling(
  { options }: Run,
  test: () => Promise<unknown>,
  withholding = quick,
): Promise<void> {
  const client = createDeliverClient({ ...options, reconnect: { withholding } });
  client.start();
  try {
    await test();
  } finally {
    await client.stop();
  }
}

Deno.test("an orderer that keeps back blocks which another one has is left", async () => {
  await withOrderers([withholding, honest], async (run) => {
    await pulling(run, () => run.height(blocks.length));
    assert.equal(run.warnings.length, 1, run.warnings.join("\n"));
    assert.match(
      run.warnings[0],
      /keeps back block \d of channel mychannel: orderer \S+ has block 8$/,
    );
    assert.equal(pulls(run.orderers[0]), 1);
  });
});

Deno.test("on a quiet channel the others are asked now and then, and the orderer is kept", async () => {
  await withOrderers([honest, honest], async (run) => {
    await pulling(run, async () => {
      await run.height(blocks.length);
      await until("three looks", () => run.orderers[1].seeks.length >= 3, 60_000);
    }, { ...quick, graceMs: 5_000 });
    assert.equal(pulls(run.orderers[0]), 1);
    assert.deepEqual(run.warnings, []);
  });
});

Deno.test("a block that nobody has signed is no reason to leave an orderer", async () => {
  let shown = 0;
  const boasting: Answer = async function* () {
    await Promise.resolve();
    const block = clone(BlockSchema, blocks[8]);
    if (block.header) block.header.number = 1_000n;
    shown++;
    yield blockResponse(block);
  };
  await withOrderers([withholding, boasting], async (run) => {
    await pulling(run, () => until("three looks", () => shown >= 3, 60_000));
    assert.equal(pulls(run.orderers[0]), 1);
    assert.deepEqual(run.warnings, []);
  });
});

Deno.test("a block that is late is waited for", async () => {
  const seen = new Deferred<void>();
  const late: Answer = async function* (from, signal) {
    for (const block of blocks.slice(from, 4)) yield blockResponse(block);
    await seen.promise;
    for (const block of blocks.slice(4)) yield blockResponse(block);
    await sleep(600_000, signal);
  };
  const telling: Answer = (from, signal) => {
    seen.resolve();
    return honest(from, signal);
  };
  await withOrderers([late, telling], async (run) => {
    await pulling(run, () => run.height(blocks.length), { ...quick, graceMs: 600_000 });
    assert.equal(pulls(run.orderers[0]), 1);
    assert.deepEqual(run.warnings, []);
  });
});
