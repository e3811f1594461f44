import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { sha256 } from "./hash.ts";
import { nativeSha256, portableSha256, sha256Of } from "./sha256.ts";

Deno.test("the digest of parts is that of the bytes they make, however it is computed", () => {
  const native = nativeSha256AtImport;
  assert.ok(native, "libcrypto opens where the tests run");
  const parts = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 });
  fc.assert(fc.property(parts, (parts) => {
    const expected = new Uint8Array(createHash("sha256").update(Buffer.concat(parts)).digest());
    assert.deepEqual(native(parts), expected);
    assert.deepEqual(portableSha256(parts), expected);
    assert.deepEqual(sha256(...parts), expected);
  }));
});

Deno.test("a view of a larger buffer and very many parts are hashed as such", () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5);
  assert.deepEqual(sha256(bytes.subarray(1, 3)), sha256(Uint8Array.of(2, 3)));
  const many = Array.from({ length: 300_000 }, () => Uint8Array.of(7));
  assert.deepEqual(sha256Of(many), sha256(new Uint8Array(300_000).fill(7)));
});

/** Here, since a library that a test opens it must also close. */
const nativeSha256AtImport = nativeSha256();
