import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { pack } from "tar-stream";
import { equal, utf8 } from "../../base/bytes.ts";
import { DenimError } from "../../base/errors.ts";
import { gunzip, tarEntries } from "./tar-entries.ts";

/** What npm's tar-stream writes, whole. */
async function tarOf(files: readonly { name: string; content: string; mode?: number }[]) {
  const writer = pack();
  for (const { name, content, mode } of files) writer.entry({ name, mode }, content);
  writer.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of writer) chunks.push(chunk as Uint8Array);
  return new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
}

Deno.test("names, modes and contents are read as they were written, long ones and UTF-8 too", async () => {
  const files = [
    { name: "src/a.go", content: "package a", mode: 0o644 },
    { name: "META-INF/" + "long/".repeat(60) + "name.json", content: "{}", mode: 0o666 },
    { name: "src/größe.txt", content: "x".repeat(1500), mode: 0o755 },
    { name: "src/" + "d".repeat(90) + "/" + "f".repeat(80), content: "", mode: 0o600 },
  ];
  const read = [...tarEntries(await tarOf(files))];
  assert.deepEqual(read.map(({ name }) => name), files.map(({ name }) => name));
  assert.deepEqual(read.map(({ mode }) => mode & 0o777), files.map(({ mode }) => mode));
  files.forEach(({ content }, i) => assert.ok(equal(read[i].content, utf8(content))));
});

Deno.test("damaged archives are refused by name", async () => {
  const whole = await tarOf([{ name: "src/a", content: "x".repeat(600) }]);
  const damaged = whole.slice();
  damaged[0] ^= 1;
  const refused = (bytes: Uint8Array, message: string) =>
    assert.throws(() => [...tarEntries(bytes)], { code: "bad-code-package", message });
  refused(damaged, "archive/tar: invalid tar header");
  refused(whole.slice(0, 700), "unexpected EOF");
  assert.throws(() => gunzip(utf8("plain")), { message: "gzip: invalid header" });
  assert.throws(() => gunzip(gzipSync(whole).subarray(0, 60)), { code: "bad-code-package" });
});

Deno.test("no bytes make the reader crash or loop", async () => {
  const original = await tarOf([
    { name: "src/" + "d".repeat(120), content: "abc" },
    { name: "src/b", content: "y".repeat(700) },
  ]);
  const edits = fc.array(fc.tuple(fc.nat(original.length - 1), fc.integer({ min: 0, max: 255 })));
  fc.assert(fc.property(edits, fc.nat(original.length), (changes, length) => {
    const bytes = original.slice(0, length);
    for (const [at, value] of changes) if (at < length) bytes[at] = value;
    try {
      for (const { name } of tarEntries(bytes)) assert.equal(typeof name, "string");
    } catch (error) {
      assert.ok(error instanceof DenimError, String(error));
    }
  }));
});
