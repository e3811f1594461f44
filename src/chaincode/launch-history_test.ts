import assert from "node:assert/strict";
import type { LaunchEvent } from "./launch-feed.ts";
import {
  maxKeptCharacters,
  maxKeptCharactersPerLaunch,
  maxKeptLinesPerLaunch,
} from "./launch-output.ts";
import { LaunchHistory } from "./launch-history.ts";

const line = (text: string, at = 1) => ({ at, stream: "stdout" as const, text });

function fixture() {
  const clock = { at: 1, now: () => clock.at++ };
  return new LaunchHistory(clock);
}

async function collect(events: AsyncIterable<LaunchEvent>): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of events) {
    seen.push(
      event.kind === "step"
        ? `${event.step.name} ${event.step.outcome}`
        : event.kind === "output"
        ? event.line.text
        : event.kind,
    );
  }
  return seen;
}

Deno.test("the last lines of a launch are kept, the number of lost ones is known", () => {
  const recorder = fixture().begin("cc", "1");
  for (let i = 0; i < maxKeptLinesPerLaunch + 3; i++) recorder.wrote(line(String(i)));
  assert.equal(recorder.output.lines().length, maxKeptLinesPerLaunch);
  assert.equal(recorder.output.lines()[0].text, "3");
  assert.equal(recorder.output.dropped, 3);
  const long = "x".repeat(maxKeptCharactersPerLaunch);
  recorder.wrote(line(long));
  assert.deepEqual(recorder.output.lines().map(({ text }) => text), [long]);
});

Deno.test("all launches together keep a bounded amount; what is over gives way first", () => {
  const history = fixture();
  const count = maxKeptCharacters / maxKeptCharactersPerLaunch + 1;
  const long = "x".repeat(maxKeptCharactersPerLaunch);
  const recorders = Array.from({ length: count }, (_, i) => history.begin(`cc${i}`, "1"));
  recorders[1].finish();
  recorders[1].ended("stopped");
  for (const recorder of recorders) recorder.wrote(line(long));
  const held = recorders.map(({ output }) => output.lines().length);
  assert.deepEqual(held.slice(0, 3), [1, 0, 1]);
  assert.equal(held.reduce((a, b) => a + b), count - 1);
});

Deno.test("a watcher of a transaction is told a launch it joins from the beginning", async () => {
  const history = fixture();
  const stop = new AbortController();
  const seen = collect(history.watch(({ txIds }) => txIds.includes("tx2"), stop.signal));
  const other = history.begin("other", "1");
  other.wantedBy("tx1");
  other.wrote(line("not for you"));
  const recorder = history.begin("cc", "1");
  recorder.wantedBy("tx1");
  recorder.begin("build");
  recorder.wrote(line("compiling", 3));
  recorder.end("build", "ok");
  recorder.wantedBy("tx2");
  recorder.wantedBy("tx2");
  recorder.begin("start");
  recorder.finish();
  recorder.ended("stopped");
  recorder.ended("again");
  stop.abort();
  assert.deepEqual(await seen, [
    "build running",
    "compiling",
    "build ok",
    "start running",
    "start ok",
    "finished",
    "exited",
  ]);
});

Deno.test("of a launch that is ready a new watcher is told only what comes", async () => {
  const history = fixture();
  const recorder = history.begin("cc", "1");
  recorder.wrote(line("old"));
  recorder.finish();
  const stop = new AbortController();
  const seen = collect(history.watch(({ name }) => name === "cc", stop.signal));
  recorder.wrote(line("new"));
  stop.abort();
  assert.deepEqual(await seen, ["new"]);
});

Deno.test("a launch can be followed after its end, and every watch ends with the history", async () => {
  const history = fixture();
  const recorder = history.begin("cc", "1");
  recorder.wrote(line("kept"));
  recorder.finish(new Error("no"));
  const seen = collect(history.follow(recorder, new AbortController().signal));
  history.close();
  assert.deepEqual(await seen, ["kept", "finished"]);
});

Deno.test("prune forgets what is over, but neither the newest nor what runs", () => {
  const history = fixture();
  const [failed, running, stopped, newest] = ["1", "1", "2", "2"]
    .map((version) => history.begin("cc", version));
  failed.wrote(line("12345"));
  failed.finish(new Error("no"));
  running.finish();
  stopped.finish();
  stopped.ended("stopped");
  newest.finish(new Error("no"));
  assert.deepEqual(
    history.prune().map(({ launch, bytes }) => [launch.number, bytes]),
    [[1, 5], [3, 0]],
  );
  assert.deepEqual(history.records("cc").map(({ number }) => number), [2, 4]);
  assert.equal(history.numbered(1), undefined);
  assert.equal(history.numbered(2), running);
});
