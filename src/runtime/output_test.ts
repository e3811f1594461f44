import assert from "node:assert/strict";
import fc from "fast-check";
import { utf8 } from "../base/bytes.ts";
import { LineSplitter, maxOutputLineCharacters, OutputLog } from "./output.ts";

/** Feeds bytes in pieces of the given sizes. */
function split(bytes: Uint8Array, sizes: readonly number[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  let at = 0;
  for (const size of sizes) {
    splitter.push(bytes.subarray(at, at + size));
    at += size;
  }
  splitter.push(bytes.subarray(at));
  splitter.end();
  return lines;
}

Deno.test("lines are the same however the bytes arrive", () => {
  const text = fc.array(fc.constantFrom("a", "é", "世", "\n", "\r\n", "😀"), { maxLength: 60 })
    .map((parts) => parts.join(""));
  fc.assert(fc.property(text, fc.array(fc.nat(5)), (text, sizes) => {
    const expected = text.split("\n").map((line) => line.replace(/\r$/, ""));
    if (expected.at(-1) === "") expected.pop();
    assert.deepEqual(split(utf8(text), sizes), expected);
  }));
});

Deno.test("a line without end is cut, not collected", () => {
  const long = "x".repeat(2 * maxOutputLineCharacters + 5);
  for (const bytes of [utf8(long), utf8(`${long}\n`)]) {
    const lines = split(bytes, [100, 9000]);
    assert.equal(lines.join(""), long);
    assert(lines.every((line) => line.length <= maxOutputLineCharacters));
  }
});

Deno.test("the last lines are kept, every line is handed on", () => {
  const seen: string[] = [];
  const log = new OutputLog({ now: () => 7 }, (line) => seen.push(line.text), 2);
  for (const text of ["a", "b", "c"]) log.add("stdout", text);
  assert.deepEqual(log.lines(), [
    { at: 7, stream: "stdout", text: "b" },
    { at: 7, stream: "stdout", text: "c" },
  ]);
  assert.equal(log.tail(1), "c");
  assert.deepEqual(seen, ["a", "b", "c"]);
});
