import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { concat } from "../base/bytes.ts";
import { generateKeyPair } from "./certificate-writer.ts";
import { ecPrivateKeyFromPem, ecPublicKeyFromSpki } from "./ec-key.ts";
import {
  acceptableSignature,
  curves,
  decodeSignature,
  encodeSignature,
} from "./ecdsa-signature.ts";
import { sha1, sha256, sha384 } from "./hash.ts";
import { openLibcrypto } from "./libcrypto.ts";
import { encodePem } from "./pem.ts";
import { createEcdsaProvider } from "./provider.ts";
import type { CurveName, SignatureCheck } from "./types.ts";

const portable = createEcdsaProvider({ prefer: "portable" });
const fast = createEcdsaProvider();
const hasLibcrypto = "provider" in openLibcrypto();
const keys: Record<CurveName, string> = {
  "P-256": generateKeyPair("P-256").keyPem,
  "P-384": generateKeyPair("P-384").keyPem,
};
const curveNames: CurveName[] = ["P-256", "P-384"];

function highS(signature: Uint8Array, curve: CurveName): Uint8Array {
  const { r, s } = decodeSignature(signature);
  const value = s.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  const digits = (curves[curve].order - value).toString(16);
  const even = digits.length % 2 ? "0" + digits : digits;
  return encodeSignature(
    r,
    Uint8Array.from(even.match(/../g) ?? [], (pair) => parseInt(pair, 16)),
  );
}

Deno.test("libcrypto is chosen where it opens", () => {
  assert.equal(fast.name, hasLibcrypto ? "libcrypto" : "node:crypto");
  assert.equal(portable.name, "node:crypto");
});

Deno.test("without the permission for native code the portable provider does it, unasked", async () => {
  const script = `
    import { createEcdsaProvider } from ${
    JSON.stringify(new URL("./provider.ts", import.meta.url))
  };
    console.log(createEcdsaProvider().name);
    try { createEcdsaProvider({ prefer: "libcrypto" }) } catch (e) { console.log(e.code, e.message) }`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--allow-read",
      "data:application/typescript," + encodeURIComponent(script),
    ],
  }).output();
  assert.equal(
    new TextDecoder().decode(stdout),
    "node:crypto\nno-libcrypto libcrypto cannot be opened: no permission (--allow-ffi)\n",
    new TextDecoder().decode(stderr),
  );
});

Deno.test("signatures of one provider verify with the other, always with low S", () => {
  for (const curve of curveNames) {
    const signers = [fast.signerFromPem(keys[curve]), portable.signerFromPem(keys[curve])];
    assert.deepEqual(signers[0].publicKey.point, signers[1].publicKey.point);
    assert.equal(signers[0].publicKey.curve, curve);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(2), (message, which) => {
        const digest = [sha1, sha256, sha384][which](message);
        for (const signer of signers) {
          const signature = signer.sign(digest);
          assert.equal(acceptableSignature(signature, curve), signature);
          for (const provider of [fast, portable]) {
            assert.ok(provider.verify({ key: signer.publicKey, digest, signature }));
          }
        }
      }),
      { numRuns: 40 },
    );
    for (const signer of signers) signer.close?.();
  }
});

Deno.test("both providers give the same verdict on corrupted signatures, digests and keys", async () => {
  for (const curve of curveNames) {
    const signer = portable.signerFromPem(keys[curve]);
    const other = portable.signerFromPem(generateKeyPair(curve).keyPem);
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 64 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.constantFrom("signature", "digest", "key", "high-s", "truncated", "trailing"),
        async (message, position, flip, what) => {
          const digest = sha256(message);
          const signature = signer.sign(digest);
          const check = { key: signer.publicKey, digest, signature: new Uint8Array(signature) };
          if (what === "signature") check.signature[position % check.signature.length] ^= flip;
          if (what === "digest") check.digest[position % 32] ^= flip;
          if (what === "key") check.key = other.publicKey;
          if (what === "high-s") check.signature = new Uint8Array(highS(signature, curve));
          if (what === "truncated") {
            check.signature = check.signature.slice(0, position % signature.length);
          }
          if (what === "trailing") check.signature = concat(signature, Uint8Array.of(flip));
          const verdict = portable.verify(check);
          assert.equal(fast.verify(check), verdict, what);
          assert.deepEqual(await fast.verifyBatch([check, check]), [verdict, verdict], what);
          if (what !== "signature") assert.equal(verdict, what === "trailing", what);
        },
      ),
      { numRuns: 60 },
    );
  }
});

Deno.test("a batch answers in the order asked, with good and bad checks of many keys", async () => {
  const signers = Array.from(
    { length: 5 },
    (_, i) => fast.signerFromPem(generateKeyPair(i % 2 ? "P-384" : "P-256").keyPem),
  );
  const checks: SignatureCheck[] = Array.from({ length: 200 }, (_, i) => {
    const signer = signers[i % signers.length];
    const digest = sha256(Uint8Array.of(i));
    const signature = signer.sign(digest);
    return { key: signer.publicKey, digest: i % 7 === 3 ? sha256(digest) : digest, signature };
  });
  const expected = checks.map((_, i) => i % 7 !== 3);
  for (const provider of [fast, portable]) {
    assert.deepEqual(await provider.verifyBatch(checks), expected);
    assert.deepEqual(await provider.verifyBatch([]), []);
  }
  // Several batches at once share the lanes.
  const many = await Promise.all(Array.from({ length: 6 }, () => fast.verifyBatch(checks)));
  for (const results of many) assert.deepEqual(results, expected);
});

Deno.test("more keys than handles are kept still verify, one by one and in batches", async () => {
  const small = createEcdsaProvider({ maxKeyHandles: 2, maxBatchLanes: 3 });
  const checks = Array.from({ length: 12 }, (_, i) => {
    const signer = portable.signerFromPem(generateKeyPair().keyPem);
    const digest = sha256(Uint8Array.of(i));
    return { key: signer.publicKey, digest, signature: signer.sign(digest) };
  });
  const twice = [...checks, ...checks];
  assert.ok(twice.every((check) => small.verify(check)));
  assert.ok((await small.verifyBatch(twice)).every((holds) => holds));
  small.close?.();
});

Deno.test("a closed provider refuses, and closing during a batch is safe", async () => {
  const provider = createEcdsaProvider();
  const signer = provider.signerFromPem(keys["P-256"]);
  const digest = sha256(Uint8Array.of(1));
  const check = { key: signer.publicKey, digest, signature: signer.sign(digest) };
  const running = provider.verifyBatch(Array.from({ length: 100 }, () => check));
  provider.close?.();
  assert.equal((await running).length, 100);
  if (provider.name !== "libcrypto") return;
  assert.equal(provider.verify(check), false);
  assert.throws(() => signer.sign(digest), { code: "signer-closed" });
});

Deno.test("keys are read from PKCS#8, SEC1 and PKCS#8 under a SEC1 label", () => {
  for (const namedCurve of curveNames) {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve });
    const spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
    const { point } = ecPublicKeyFromSpki(spki);
    const pkcs8 = new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" }));
    const sec1 = new Uint8Array(privateKey.export({ type: "sec1", format: "der" }));
    const pems = [
      encodePem("PRIVATE KEY", pkcs8),
      encodePem("EC PRIVATE KEY", sec1),
      encodePem("EC PRIVATE KEY", pkcs8),
      encodePem("EC PARAMETERS", Uint8Array.of(6, 1, 42)) + encodePem("EC PRIVATE KEY", sec1),
      "Bag Attributes\n" + encodePem(
        "PRIVATE KEY",
        ecPrivateKeyFromPem(
          encodePem("PRIVATE KEY", pkcs8),
        ).pkcs8,
      ),
    ];
    for (const pem of pems) {
      for (const provider of [fast, portable]) {
        const signer = provider.signerFromPem(pem);
        assert.deepEqual(signer.publicKey.point, point);
        const digest = sha256(Uint8Array.of(4));
        const check = { key: signer.publicKey, digest, signature: signer.sign(digest) };
        assert.ok(portable.verify(check));
        signer.close?.();
      }
    }
  }
});

Deno.test("what is not an EC private key is refused with a reason", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey
    .export({ type: "pkcs8", format: "pem" }).toString();
  const p521 = generateKeyPairSync("ec", { namedCurve: "secp256k1" }).privateKey
    .export({ type: "pkcs8", format: "pem" }).toString();
  const cases = [
    "",
    "no pem",
    encodePem("CERTIFICATE", Uint8Array.of(1)),
    rsa,
    p521,
    encodePem("PRIVATE KEY", Uint8Array.of(0x30, 0x03, 2, 1)),
    encodePem("ENCRYPTED PRIVATE KEY", Uint8Array.of(1)),
  ];
  for (const provider of [fast, portable]) {
    for (const pem of cases) {
      assert.throws(() => provider.signerFromPem(pem), { code: "bad-private-key" }, pem);
    }
  }
});

Deno.test("mutated key files are refused or read, but never crash", () => {
  const [, body] = /-----\n([^-]+)\n-----/.exec(keys["P-256"]) ?? [];
  const der = Uint8Array.from(atob(body.replaceAll("\n", "")), (c) => c.charCodeAt(0));
  fc.assert(fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
    const mutated = new Uint8Array(der);
    mutated[at] ^= flip;
    for (const provider of [fast, portable]) {
      try {
        provider.signerFromPem(encodePem("PRIVATE KEY", mutated)).close?.();
      } catch (thrown) {
        assert.equal((thrown as { code?: string }).code, "bad-private-key", String(thrown));
      }
    }
  }));
});
