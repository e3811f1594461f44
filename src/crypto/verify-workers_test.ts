import assert from "node:assert/strict";
import { utf8 } from "../base/bytes.ts";
import { generateKeyPair } from "./certificate-writer.ts";
import { sha256 } from "./hash.ts";
import { minWorkerBatch } from "./libcrypto.ts";
import { libcryptoNames } from "./libcrypto-names.ts";
import { createEcdsaProvider } from "./provider.ts";
import type { EcdsaProvider, SignatureCheck } from "./types.ts";
import { VerifyWorkers } from "./verify-workers.ts";

/** Checks by many keys of both curves; every third is wrong in one of three ways. */
function someChecks(provider: EcdsaProvider, count: number, keys = 5): SignatureCheck[] {
  const signers = Array.from(
    { length: keys },
    (_, i) => provider.signerFromPem(generateKeyPair(i % 2 ? "P-384" : "P-256").keyPem),
  );
  return Array.from({ length: count }, (_, i) => {
    const signer = signers[i % keys];
    const digest = sha256(utf8(`message ${i}`));
    const signature = signer.sign(digest);
    const check = { key: signer.publicKey, digest, signature };
    if (i % 3 !== 0) return check;
    return [
      { ...check, digest: sha256(utf8("another")) },
      { ...check, signature: utf8("no signature") },
      { ...check, key: signers[(i + 2) % keys].publicKey },
    ][i / 3 % 3];
  });
}

const library = libcryptoNames.find((name) => {
  try {
    Deno.dlopen(name, {}).close();
    return true;
  } catch {
    return false;
  }
});

function withWorkers(
  run: (workers: VerifyWorkers, provider: EcdsaProvider) => Promise<void>,
  options: { library?: string; maxKeys?: number } = {},
) {
  return async () => {
    const provider = createEcdsaProvider({ prefer: "libcrypto" });
    const workers = new VerifyWorkers({
      library: library ?? "",
      workers: 2,
      verify: (check) => provider.verify(check),
      ...options,
    });
    try {
      await run(workers, provider);
    } finally {
      workers.close();
      provider.close?.();
    }
  };
}

const ignore = library === undefined;

Deno.test({
  name:
    "batches at the same time are answered in the order asked, good and bad checks of many keys",
  ignore,
  fn: withWorkers(async (workers, provider) => {
    const batches = [300, 1, 40, 0].map((count) => someChecks(provider, count));
    const results = await Promise.all(batches.map((checks) => workers.verify(checks)));
    assert.deepEqual(
      results,
      batches.map((checks) => checks.map((check) => provider.verify(check))),
    );
    assert.deepEqual(await workers.verify([undefined, batches[1][0], undefined]), [
      false,
      results[1][0],
      false,
    ]);
  }),
});

Deno.test({
  name: "more keys than workers keep still verify",
  ignore,
  fn: withWorkers(async (workers, provider) => {
    for (let round = 0; round < 4; round++) {
      const checks = someChecks(provider, 60, 6);
      const [one, two] = await Promise.all([workers.verify(checks), workers.verify(checks)]);
      assert.deepEqual(one, checks.map((check) => provider.verify(check)));
      assert.deepEqual(two, one);
    }
  }, { maxKeys: 8 }),
});

Deno.test({
  name: "workers that cannot work leave the checks to this thread",
  ignore,
  fn: withWorkers(async (workers, provider) => {
    const checks = someChecks(provider, 50);
    const expected = checks.map((check) => provider.verify(check));
    assert.deepEqual(await workers.verify(checks), expected);
    assert.deepEqual(await workers.verify(checks), expected);
  }, { library: "no-such-library.so" }),
});

Deno.test({
  name: "closing ends a batch under way",
  ignore,
  fn: withWorkers(async (workers, provider) => {
    const checks = someChecks(provider, 2000);
    const results = workers.verify(checks);
    workers.close();
    const holding = (await results).filter((holds) => holds).length;
    assert.ok(holding < checks.length / 2, `${holding} hold`);
    assert.deepEqual(await workers.verify(checks.slice(0, 2)), [false, false]);
  }),
});

Deno.test("a provider's large batches are answered as its single checks", async () => {
  const provider = createEcdsaProvider();
  try {
    const checks = someChecks(provider, minWorkerBatch + 1);
    assert.deepEqual(
      await provider.verifyBatch(checks),
      checks.map((check) => provider.verify(check)),
    );
  } finally {
    provider.close?.();
  }
});

Deno.test("a closed provider holds nothing for good, in batches of any size", async () => {
  const provider = createEcdsaProvider({ prefer: "portable" });
  const checks = someChecks(provider, minWorkerBatch);
  const closed = createEcdsaProvider();
  closed.close?.();
  if (closed.name !== "libcrypto") return;
  for (const some of [checks, checks.slice(0, 10), checks.slice(0, 1)]) {
    assert.ok((await closed.verifyBatch(some)).every((holds) => !holds));
  }
});
