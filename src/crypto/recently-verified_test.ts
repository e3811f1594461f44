import assert from "node:assert/strict";
import { rememberedSignatures, rememberVerified } from "./recently-verified.ts";
import type { EcdsaProvider, EcPublicKey, SignatureCheck } from "./types.ts";

const key: EcPublicKey = {
  curve: "P-256",
  point: new Uint8Array(65),
  spki: new Uint8Array(91),
};

function check(digest: number, signature = digest, of = key): SignatureCheck {
  return {
    key: of,
    digest: new Uint8Array(32).fill(digest),
    signature: new Uint8Array(70).fill(signature),
  };
}

/** Counts questions; signatures whose first byte is that of the digest hold. */
function counting() {
  const asked: SignatureCheck[] = [];
  const inner: EcdsaProvider = {
    name: "counting",
    verify: (one) => {
      asked.push(one);
      return one.digest[0] === one.signature[0];
    },
    verifyBatch: (checks) => Promise.resolve(checks.map((one) => inner.verify(one))),
    signerFromPem: () => assert.fail("nobody signs here"),
  };
  return { asked, provider: rememberVerified(inner) };
}

Deno.test("a signature that held a moment ago is not computed again", () => {
  const { asked, provider } = counting();
  assert.deepEqual([provider.verify(check(1)), provider.verify(check(1))], [true, true]);
  assert.equal(asked.length, 1);
});

Deno.test("another digest, signature or key is computed, and so is what did not hold", () => {
  const { asked, provider } = counting();
  assert.ok(provider.verify(check(1)));
  assert.ok(!provider.verify(check(2, 1)));
  assert.ok(!provider.verify(check(1, 2)));
  assert.ok(!provider.verify(check(1, 2)));
  assert.ok(provider.verify(check(1, 1, { ...key })));
  assert.equal(asked.length, 5);
});

Deno.test("bytes that are changed afterwards are another signature", () => {
  const { asked, provider } = counting();
  const changing = check(1);
  assert.ok(provider.verify(changing));
  changing.signature[0] = 9;
  assert.ok(!provider.verify(changing));
  assert.equal(asked.length, 2);
});

Deno.test("the oldest signature is forgotten first", () => {
  const { asked, provider } = counting();
  for (let i = 0; i <= rememberedSignatures; i++) provider.verify(check(i));
  asked.length = 0;
  for (let i = 1; i <= rememberedSignatures; i++) provider.verify(check(i));
  assert.equal(asked.length, 0);
  provider.verify(check(0));
  assert.equal(asked.length, 1);
});
