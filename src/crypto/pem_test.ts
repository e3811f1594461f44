import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeAllPem, decodePem, encodePem } from "./pem.ts";

Deno.test("any bytes survive encoding and decoding", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
    const block = decodePem(encodePem("CERTIFICATE", bytes));
    assert.equal(block?.type, "CERTIFICATE");
    assert.deepEqual(block?.bytes, new Uint8Array(bytes));
  }));
});

Deno.test("lines are 64 columns wide and the text ends with a line feed", () => {
  const lines = encodePem("X", new Uint8Array(100)).split("\n");
  assert.equal(lines[1].length, 64);
  assert.equal(lines.at(-2), "-----END X-----");
  assert.equal(lines.at(-1), "");
});

Deno.test("text before, headers, CRLF and text after a block do no harm", () => {
  const body = encodePem("KEY", Uint8Array.of(1, 2, 3)).replaceAll("\n", "\r\n");
  const withHeader = body.replace("-----\r\n", "-----\r\nProc-Type: 4\r\n\r\n");
  const block = decodePem(`subject=someone\r\n${withHeader}\r\ntrailing text`);
  assert.deepEqual(block?.bytes, Uint8Array.of(1, 2, 3));
});

Deno.test("a damaged block is skipped and the next one is found", () => {
  const good = encodePem("B", Uint8Array.of(9));
  const damaged = encodePem("A", Uint8Array.of(1, 2, 3)).replace(/\nAQ/, "\n!!");
  assert.equal(decodePem(damaged + good)?.type, "B");
  assert.equal(decodePem("-----BEGIN A-----\nAQID\n" + good)?.type, "B");
});

Deno.test("no block, no result", () => {
  for (
    const text of ["", "hello", "-----BEGIN A-----", "-----BEGIN A-----\nAQID\n-----END B-----\n"]
  ) {
    assert.equal(decodePem(text), undefined, text);
  }
});

Deno.test("all blocks of a file come in order", () => {
  const file = [1, 2, 3].map((n) => encodePem(`T${n}`, Uint8Array.of(n))).join("");
  assert.deepEqual(decodeAllPem(file).map(({ type, bytes }) => [type, bytes[0]]), [
    ["T1", 1],
    ["T2", 2],
    ["T3", 3],
  ]);
});

Deno.test("a flood of BEGIN lines is given up soon", () => {
  const started = performance.now();
  assert.equal(decodePem("-----BEGIN A-----\n".repeat(200_000)), undefined);
  assert.ok(performance.now() - started < 10_000);
});
