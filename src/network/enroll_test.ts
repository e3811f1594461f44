import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { systemClock } from "../base/clock.ts";
import { parseCertificate } from "../crypto/certificate.ts";
import { decodePem } from "../crypto/pem.ts";
import { createEcdsaProvider } from "../crypto/provider.ts";
import { createMsp } from "../msp/create-msp.ts";
import { loadMspConfig } from "../msp/load-msp-config.ts";
import { loadSigningIdentity } from "../msp/signing-identity.ts";
import { Role, rolePrincipal } from "../policy/envelopes.ts";
import { checkAttributes, maxAttributeBytes, maxAttributes } from "./attribute-rules.ts";
import { enroll, type EnrollOptions } from "./enroll.ts";
import { withKeys } from "./testing.ts";

const alice: EnrollOptions = {
  name: "alice",
  mspId: "Org1MSP",
  type: "client",
  affiliation: "",
  attributes: [],
  clock: systemClock,
};

/** What stands in the attribute extension of a member's certificate. */
function attributesIn(mspPath: string): unknown {
  const [file] = readdirSync(join(mspPath, "signcerts"));
  const { bytes } = decodePem(readFileSync(join(mspPath, "signcerts", file))) ?? assert.fail();
  const extension =
    parseCertificate(bytes).extensions.find(({ oid }) => oid === "1.2.3.4.5.6.7.8.1") ??
      assert.fail("no attributes");
  assert.equal(extension.critical, false);
  return JSON.parse(new TextDecoder().decode(extension.value));
}

Deno.test("an enrolled member is valid in its MSP, a client and no administrator, and signs", async () => {
  const provider = createEcdsaProvider();
  await withKeys(1, async (layout) => {
    const org = enroll(layout, alice);
    const mspPath = join(org.keysPath, "users", "alice@org1.example.com", "msp");
    const signer = loadSigningIdentity(mspPath, "Org1MSP", provider);
    const msp = createMsp(await loadMspConfig(org.mspPath, "Org1MSP"), { provider });
    const identity = msp.deserializeIdentity(signer.serialized);
    identity.validate();
    const message = new TextEncoder().encode("signed");
    assert.ok(identity.verify(message, signer.sign(message)));
    identity.satisfiesPrincipal(rolePrincipal("Org1MSP", Role.CLIENT));
    for (const role of [Role.ADMIN, Role.PEER]) {
      assert.throws(() => identity.satisfiesPrincipal(rolePrincipal("Org1MSP", role)));
    }
    // Clients load the folder as an MSP of their own.
    createMsp(await loadMspConfig(mspPath, "Org1MSP", { signing: true }), { provider });
  });
  provider.close?.();
});

Deno.test("attributes, type and affiliation stand in the certificate as Fabric CA writes them", async () => {
  await withKeys(2, (layout) => {
    const org = enroll(layout, {
      ...alice,
      mspId: "org2",
      affiliation: "sales.north",
      attributes: ["role=auditor", "level=3:ecert", "text=a=b ü", "empty="],
    });
    assert.equal(org.mspId, "Org2MSP");
    const mspPath = join(org.keysPath, "users", "alice@org2.example.com", "msp");
    assert.deepEqual(attributesIn(mspPath), {
      attrs: {
        empty: "",
        "hf.Affiliation": "sales.north",
        "hf.EnrollmentID": "alice",
        "hf.Type": "client",
        level: "3",
        role: "auditor",
        text: "a=b ü",
      },
    });
  });
});

Deno.test("a name that is taken is refused and nothing changes", async () => {
  await withKeys(2, (layout) => {
    const { keysPath } = enroll(layout, alice);
    const before = readdirSync(keysPath, { recursive: true }).toSorted();
    const key = join(keysPath, "users", "alice@org1.example.com", "msp", "keystore");
    const keyBefore = readdirSync(key);
    for (const name of ["alice", "Alice", "admin", "ADMIN", "User1", "user1"]) {
      assert.throws(() => enroll(layout, { ...alice, name }), { code: "already-enrolled" }, name);
    }
    assert.deepEqual(readdirSync(keysPath, { recursive: true }).toSorted(), before);
    assert.deepEqual(readdirSync(key), keyBefore);
    // The other organisation has no alice yet.
    enroll(layout, { ...alice, mspId: "Org2MSP" });
  });
});

Deno.test("names, types, affiliations and organisations that cannot be are refused", async () => {
  await withKeys(1, (layout) => {
    const users = join(layout.organizations[0].keysPath, "users");
    const before = readdirSync(users);
    const refused = (change: Partial<EnrollOptions>, code = "invalid-enrollment") =>
      assert.throws(
        () => enroll(layout, { ...alice, ...change }),
        { code },
        JSON.stringify(change),
      );
    for (const name of ["", ".", "..", "../x", "a/b", "a b", "-x", "a\0", "ü", "x".repeat(65)]) {
      refused({ name });
    }
    refused({ type: "admin" });
    refused({ type: "" });
    refused({ affiliation: "a..b" });
    refused({ affiliation: "a/b" });
    refused({ mspId: "Org9MSP" }, "unknown-organization");
    assert.deepEqual(readdirSync(users), before);
  });
});

Deno.test("no name leads outside the folder of users", async () => {
  await withKeys(1, (layout) => {
    const { keysPath } = layout.organizations[0];
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 70 }), (name) => {
        try {
          enroll(layout, { ...alice, name });
        } catch {
          return;
        }
        assert.ok(existsSync(join(keysPath, "users", `${name}@org1.example.com`, "msp")));
        assert.ok(!/[/\\\0]/.test(name));
      }),
      { numRuns: 50 },
    );
  });
});

Deno.test("without the organisation's CA key nobody is enrolled", async () => {
  await withKeys(1, (layout) => {
    rmSync(join(layout.organizations[0].keysPath, "ca"), { recursive: true });
    assert.throws(() => enroll(layout, alice), { code: "damaged-network" });
  });
});

Deno.test("private keys of enrolled members are readable by their owner only", async () => {
  await withKeys(1, (layout) => {
    const org = enroll(layout, alice);
    const folder = join(org.keysPath, "users", "alice@org1.example.com");
    const [key] = readdirSync(join(folder, "msp", "keystore"));
    for (const file of [join(folder, "msp", "keystore", key), join(folder, "tls", "client.key")]) {
      assert.equal(statSync(file).mode & 0o777, 0o600, file);
    }
  });
});

Deno.test("attributes that cannot be are refused", () => {
  const refused = (...given: string[]) =>
    assert.throws(() => checkAttributes(given), { code: "invalid-attribute" }, given.join(" "));
  refused("role");
  refused("=value");
  refused(" =value");
  refused("hf.Type=peer");
  refused("a=1", "a=2");
  refused("a=\u0000");
  refused(`a=${"x".repeat(maxAttributeBytes)}`);
  refused(...Array.from({ length: maxAttributes + 1 }, (_, i) => `a${i}=`));
  assert.deepEqual({ ...checkAttributes(["__proto__=1", "a=b=c"]) }, {
    ["__proto__"]: "1",
    a: "b=c",
  });
});
