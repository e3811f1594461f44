import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { utf8 } from "../../base/bytes.ts";
import { DenimError } from "../../base/errors.ts";
import { readTar, writeTar } from "./tar.ts";

Deno.test("what is written is read back, long and non-ASCII names included", () => {
  const name = fc.array(fc.stringMatching(/^[a-zé世.-]{1,60}$/u), { minLength: 1, maxLength: 6 })
    .map((parts) => parts.join("/"));
  const entry = fc.record({
    name,
    content: fc.uint8Array({ maxLength: 1500 }),
    mode: fc.constantFrom(0o100644, 0o644, 0o755),
    mtime: fc.integer({ min: 0, max: 2 ** 32 }),
  }, { noNullPrototype: true });
  fc.assert(fc.property(fc.array(entry, { maxLength: 5 }), (entries) => {
    const read = readTar(writeTar(entries));
    assert.deepEqual(
      read.map(({ name, content, mode, mtime }) => ({
        name,
        content: new Uint8Array(content),
        mode,
        mtime,
      })),
      entries,
    );
  }));
});

Deno.test("GNU tar reads our archives", () => {
  const long = `src/${"d".repeat(90)}/${"e".repeat(80)}/file.js`;
  const veryLong = `src/${"f".repeat(120)}/é.js`;
  const archive = writeTar([
    { name: "src/a.js", content: utf8("a") },
    { name: long, content: utf8("b".repeat(513)) },
    { name: veryLong, content: utf8("c") },
  ]);
  const listed = spawnSync("tar", ["-t", "--quoting-style=literal"], { input: archive });
  assert.equal(listed.status, 0, String(listed.stderr));
  assert.deepEqual(String(listed.stdout).trim().split("\n"), ["src/a.js", long, veryLong]);
});

Deno.test("we read GNU tar's archives", () => {
  const long = `x${"y".repeat(150)}`;
  const made = spawnSync("sh", [
    "-c",
    `d=$(mktemp -d) && cd $d && mkdir sub && printf hi > sub/${long} && ln -s b sub/l && tar -c --format=gnu sub; rm -r $d`,
  ]);
  const entries = readTar(new Uint8Array(made.stdout));
  assert.deepEqual(
    entries.map((entry) => [entry.type, entry.name]).sort(),
    [["0", `sub/${long}`], ["2", "sub/l"], ["5", "sub/"]],
  );
  assert.equal(entries.find((entry) => entry.type === "2")?.linkName, "b");
});

Deno.test("damaged archives give an error or entries, never a crash", () => {
  const archive = writeTar([
    { name: `src/${"n".repeat(200)}é`, content: utf8("hello") },
    { name: "src/b", content: utf8("b".repeat(700)) },
  ]);
  fc.assert(fc.property(
    fc.nat(archive.length - 1),
    fc.nat(255),
    fc.nat(archive.length),
    (at, value, length) => {
      const damaged = new Uint8Array(archive.subarray(0, length));
      if (at < length) damaged[at] = value;
      try {
        readTar(damaged);
      } catch (error) {
        assert(error instanceof DenimError, String(error));
        assert.equal(error.code, "malformed-archive");
      }
    },
  ));
});
