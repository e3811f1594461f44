import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withDirectory } from "../../tests/support/runtime.ts";
import { type Logger, silentLogger } from "../base/logger.ts";
import { defaultArchiveLimits, LaunchArchive } from "./launch-archive.ts";
import { LaunchHistory, maxLaunchRecordsPerChaincode } from "./launch-history.ts";
import { maxKeptLinesPerLaunch } from "./launch-output.ts";

const line = (text: string, at = 1) => ({ at, stream: "stdout" as const, text });

/** A history over a directory, as a start of the peer makes it. */
function started(directory: string, logger: Logger = silentLogger): LaunchHistory {
  const clock = { at: 1_000, now: () => clock.at++ };
  return new LaunchHistory(clock, undefined, new LaunchArchive(directory, logger));
}

function textsOf(history: LaunchHistory, number: number): string[] {
  const recorder = history.numbered(number);
  assert(recorder);
  return history.output(recorder).lines.map(({ text }) => text);
}

Deno.test("launches, their output and their end can be read after a restart, and numbers go on", () =>
  withDirectory(async (directory) => {
    const place = join(directory, "launches");
    const before = started(place);
    const failed = before.begin("cc", "1");
    failed.wantedBy("tx1");
    await failed.step("package", () => {});
    failed.wrote({ at: 5, stream: "stderr", text: 'it said "ü"\u2028\t' });
    failed.finish(new Error("container exited with 137: out of memory"));
    const running = before.begin("cc", "2");
    running.wrote({ at: 6, stream: "build", text: "compiled" });
    running.finish();
    const stopped = before.begin("other", "1");
    stopped.finish();
    stopped.ended("stopped");
    const records = before.records();
    before.close();

    const after = started(place);
    const [first, second, third] = after.records();
    assert.deepEqual(first, JSON.parse(JSON.stringify(records[0])));
    assert.match(first.error ?? "", /137: out of memory/);
    assert.equal(second.exit?.reason, "the peer ended");
    assert.equal(third.exit?.reason, "stopped");
    const recorder = after.numbered(1);
    assert(recorder);
    assert.deepEqual(after.output(recorder), {
      dropped: 0,
      lines: [{ at: 5, stream: "stderr", text: 'it said "ü"\u2028\t' }],
    });
    assert.deepEqual(textsOf(after, 2), ["compiled"]);
    assert.equal(after.begin("cc", "3").number, 4);
    after.close();
    assert.equal(statSync(place).mode & 0o077, 0);
    assert.equal(statSync(join(place, "1.log")).mode & 0o077, 0);
  }));

Deno.test("a launch during which the peer was killed has failed; damaged records are dropped and told", () =>
  withDirectory((directory) => {
    const before = started(directory);
    before.begin("cc", "1").begin("build");
    before.begin("cc", "2").wrote(line("whole"));
    before.begin("cc", "3");
    before.close();
    writeFileSync(join(directory, "2.log"), '[1,"stdout","whole"]\n[1,"stdo');
    writeFileSync(join(directory, "3.json"), '{"record":{"number":7}}');
    writeFileSync(join(directory, "4.json"), "{");
    const told: string[] = [];
    const logger = { ...silentLogger, warn: (text: string) => void told.push(text) };
    const after = started(directory, logger);
    assert.deepEqual(
      after.records().map(({ number, outcome, error }) => [number, outcome, error]),
      [
        [1, "failed", "the peer ended during this launch"],
        [2, "failed", "the peer ended during this launch"],
      ],
    );
    assert.deepEqual(textsOf(after, 2), ["whole"]);
    assert.equal(told.length, 2);
    assert(!existsSync(join(directory, "4.json")));
    after.close();
    return Promise.resolve();
  }));

Deno.test("of a chaincode that writes on and on the last bytes are on disk, and how much is gone is known", () =>
  withDirectory((directory) => {
    const maxBytesPerLaunch = 200_000;
    const archive = new LaunchArchive(directory, silentLogger, {
      ...defaultArchiveLimits,
      maxBytesPerLaunch,
    });
    const history = new LaunchHistory({ now: () => 1 }, undefined, archive);
    const recorder = history.begin("cc", "1");
    const count = 5 * Math.ceil(maxBytesPerLaunch / 1_000);
    for (let i = 0; i < count; i++) {
      recorder.wrote(line(`${i} ${"x".repeat(990)}`));
      if (i % 10 === 0) archive.flush();
    }
    const { dropped, lines } = archive.output(1);
    const bytes = readdirSync(directory).filter((name) => name.endsWith("log"))
      .reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
    assert(bytes <= maxBytesPerLaunch + 20_000, `${bytes}`);
    assert(bytes >= maxBytesPerLaunch / 2, `${bytes}`);
    assert.equal(dropped + lines.length, count);
    assert.equal(Number.parseInt(lines[0].text), dropped);
    assert.equal(Number.parseInt(lines.at(-1)?.text ?? ""), count - 1);
    history.close();
    // The same is known after a restart.
    const after = new LaunchArchive(directory, silentLogger);
    after.restore();
    assert.equal(after.output(1).dropped, dropped);
    return Promise.resolve();
  }));

Deno.test("all launches together keep a bounded amount on disk; the oldest give way", () =>
  withDirectory((directory) => {
    const limits = { ...defaultArchiveLimits, maxBytes: 2_500 };
    const archive = new LaunchArchive(directory, silentLogger, limits);
    const history = new LaunchHistory({ now: () => 1 }, undefined, archive);
    for (let i = 0; i < 4; i++) {
      history.begin("cc", String(i)).wrote(line("x".repeat(1_000)));
      archive.flush();
    }
    const kept = [1, 2, 3, 4].map((number) => archive.output(number));
    assert.deepEqual(kept.map(({ lines }) => lines.length), [0, 0, 1, 1]);
    assert.deepEqual(kept.map(({ dropped }) => dropped), [1, 1, 0, 0]);
    history.close();
    return Promise.resolve();
  }));

Deno.test("output that comes faster than it can be written leaves no hole", () =>
  withDirectory((directory) => {
    const history = started(directory);
    const recorder = history.begin("cc", "1");
    recorder.wrote(line("early"));
    assert.deepEqual(textsOf(history, 1), ["early"]);
    for (let i = 0; i < 2 * maxKeptLinesPerLaunch; i++) recorder.wrote(line(String(i)));
    const { dropped, lines } = history.output(recorder);
    assert.equal(dropped, maxKeptLinesPerLaunch + 1);
    assert.equal(lines.length, maxKeptLinesPerLaunch);
    assert.equal(lines[0].text, String(maxKeptLinesPerLaunch));
    history.close();
    return Promise.resolve();
  }));

Deno.test("what is no longer remembered, or pruned, leaves the disk", () =>
  withDirectory((directory) => {
    const history = started(directory);
    for (let i = 0; i < maxLaunchRecordsPerChaincode + 2; i++) {
      const recorder = history.begin("cc", String(i));
      recorder.wrote(line("12345"));
      recorder.finish(new Error("no"));
    }
    history.close();
    const numbers = () => readdirSync(directory).filter((name) => name.endsWith(".json")).length;
    assert.equal(numbers(), maxLaunchRecordsPerChaincode);
    const after = started(directory);
    const pruned = after.prune();
    assert.equal(pruned.length, maxLaunchRecordsPerChaincode - 1);
    assert.equal(pruned[0].bytes, '[1,"stdout","12345"]\n'.length);
    assert.equal(numbers(), 1);
    after.close();
    return Promise.resolve();
  }));

Deno.test("a disk that cannot be written costs the archive only, and is told once", () =>
  withDirectory((directory) => {
    const place = join(directory, "launches");
    writeFileSync(place, "a file");
    const told: string[] = [];
    const logger = { ...silentLogger, warn: (text: string) => void told.push(text) };
    const archive = new LaunchArchive(place, logger);
    const history = new LaunchHistory({ now: () => 1 }, undefined, archive);
    const recorder = history.begin("cc", "1");
    recorder.wrote(line("one"));
    archive.flush();
    recorder.wrote(line("two"));
    assert.deepEqual(textsOf(history, 1), ["one", "two"]);
    assert.equal(told.length, 1);
    assert.match(told[0], /cannot be written/);
    history.close();
    assert.equal(readFileSync(place, "utf8"), "a file");
    return Promise.resolve();
  }));
