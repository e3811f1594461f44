import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { utf8 } from "../base/bytes.ts";
import { serializeIdentity } from "../msp/serialized-identity.ts";
import { identityExpiresAt, SessionAccess } from "./session-access.ts";

const certificate = readFileSync(
  new URL(
    "../../tests/testdata/golden/crypto-config/peerOrganizations/org1.example.com/users/" +
      "User1@org1.example.com/msp/signcerts/User1@org1.example.com-cert.pem",
    import.meta.url,
  ),
  "utf8",
);
const identity = serializeIdentity("Org1MSP", certificate);

Deno.test("the session of an identity ends with its certificate", () => {
  const expiresAt = identityExpiresAt(identity);
  assert.ok(expiresAt);
  let now = expiresAt;
  const access = new SessionAccess(
    { data: utf8(""), identity, signature: utf8("") },
    () => 0n,
    () => {},
    { now: () => now },
  );
  access.evaluate();
  now += 1000;
  assert.throws(() => access.evaluate(), {
    code: "identity-expired",
    message: "client identity expired 1000ms before",
  });
});

Deno.test("what is no certificate has no known end", () => {
  assert.equal(identityExpiresAt(utf8("garbage")), undefined);
  assert.equal(identityExpiresAt(serializeIdentity("Org1MSP", "no PEM")), undefined);
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  assert.equal(identityExpiresAt(serializeIdentity("Org1MSP", broken)), undefined);
});
