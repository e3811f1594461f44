import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { Deferred } from "../base/async.ts";
import { text, utf8 } from "../base/bytes.ts";
import { systemClock } from "../base/clock.ts";
import { silentLogger } from "../base/logger.ts";
import { type Envelope, EnvelopeSchema } from "../gen/common/common_pb.ts";
import type { Batch } from "./block-cutter.ts";
import { type ChainSupport, SoloChain } from "./chain.ts";
import type { ProcessedConfig } from "./message-processor.ts";
import { ordererError } from "./orderer-error.ts";

const named = (name: string): Envelope => create(EnvelopeSchema, { payload: utf8(name) });

/** Keeps what is written as texts: messages joined by commas, configurations in brackets. */
class FakeSupport implements ChainSupport {
  readonly channelId = "mychannel";
  readonly written: string[] = [];
  current = 0;
  diskFull = false;
  stillValid = true;
  timeoutMs = 60_000;
  #change = new Deferred<void>();

  sequence = () => this.current;
  batchLimits = () => ({ maxMessageCount: 3, preferredMaxBytes: 100 });
  batchTimeoutMs = () => this.timeoutMs;

  processNormal(): void {
    if (!this.stillValid) throw ordererError("permission-denied", "no");
  }

  processConfig(message: Envelope): ProcessedConfig {
    this.processNormal();
    return { envelope: named(`${text(message.payload)} again`), sequence: this.current };
  }

  write(batch: Batch): void {
    this.#store(batch.map(({ payload }) => text(payload)).join(","));
  }

  writeConfig(message: Envelope): void {
    if (text(message.payload) === "broken") throw ordererError("bad-message", "does not apply");
    this.#store(`[${text(message.payload)}]`);
    this.current++;
  }

  #store(block: string): void {
    if (this.diskFull) throw ordererError("not-writable", "disk full");
    this.written.push(block);
    const change = this.#change;
    this.#change = new Deferred();
    change.resolve();
  }

  async until(count: number): Promise<string[]> {
    while (this.written.length < count) await this.#change.promise;
    return this.written;
  }
}

function chainOf(support: FakeSupport, cutWhenIdle = false): SoloChain {
  return new SoloChain(support, {
    cutWhenIdle,
    storeRetryMs: 10,
    clock: systemClock,
    logger: silentLogger,
  });
}

Deno.test("blocks are cut by count; halting writes the rest", () => {
  const support = new FakeSupport();
  const chain = chainOf(support);
  for (const name of ["a", "b", "c", "d"]) chain.order(named(name), 0);
  assert.deepEqual(support.written, ["a,b,c"]);
  chain.halt();
  assert.deepEqual(support.written, ["a,b,c", "d"]);
  assert.throws(() => chain.order(named("e"), 0), { code: "not-writable", message: "Exiting" });
});

Deno.test("blocks are cut when the batch timeout passes", async () => {
  const support = new FakeSupport();
  support.timeoutMs = 20;
  const chain = chainOf(support);
  chain.order(named("a"), 0);
  chain.order(named("b"), 0);
  assert.deepEqual(support.written, []);
  assert.deepEqual(await support.until(1), ["a,b"]);
  chain.halt();
});

Deno.test("cutWhenIdle cuts as soon as nothing more comes, and gathers what comes together", async () => {
  const support = new FakeSupport();
  const chain = chainOf(support, true);
  chain.order(named("a"), 0);
  chain.order(named("b"), 0);
  assert.deepEqual(await support.until(1), ["a,b"]);
  chain.order(named("c"), 0);
  assert.deepEqual(await support.until(2), ["a,b", "c"]);
  chain.halt();
});

Deno.test("a configuration is alone in its block, after what came before it", () => {
  const support = new FakeSupport();
  const chain = chainOf(support);
  chain.order(named("a"), 0);
  chain.configure(named("config"), 0);
  chain.order(named("b"), 1);
  chain.halt();
  assert.deepEqual(support.written, ["a", "[config]", "b"]);
});

Deno.test("messages checked at an older configuration are checked again", () => {
  const support = new FakeSupport();
  const chain = chainOf(support);
  support.current = 5;
  chain.order(named("kept"), 4);
  chain.configure(named("config"), 4);
  support.stillValid = false;
  chain.order(named("dropped"), 4);
  chain.configure(named("dropped"), 4);
  chain.halt();
  assert.deepEqual(support.written, ["kept", "[config again]"]);
});

Deno.test("while the disk is full nothing more is accepted, and nothing accepted is lost", async () => {
  const support = new FakeSupport();
  const chain = chainOf(support);
  support.diskFull = true;
  for (const name of ["a", "b", "c"]) chain.order(named(name), 0);
  assert.throws(() => chain.order(named("refused"), 0), { code: "not-writable" });
  assert.throws(() => chain.configure(named("refused"), 0), { code: "not-writable" });
  support.diskFull = false;
  assert.deepEqual(await support.until(1), ["a,b,c"]);
  chain.order(named("d"), 0);
  chain.halt();
  assert.deepEqual(support.written, ["a,b,c", "d"]);
});

Deno.test("a configuration that does not apply is discarded and blocks nobody", () => {
  const support = new FakeSupport();
  const chain = chainOf(support);
  chain.configure(named("broken"), 0);
  chain.order(named("a"), 0);
  chain.halt();
  assert.deepEqual(support.written, ["a"]);
});
