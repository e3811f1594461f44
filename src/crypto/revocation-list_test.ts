import assert from "node:assert/strict";
import fc from "fast-check";
import { mutate, mutations } from "../../tests/support/mutations.ts";
import { DenimError } from "../base/errors.ts";
import { utf8 } from "../base/bytes.ts";
import { TestAuthority } from "../msp/pki_testkit.ts";
import { decodePem } from "./pem.ts";
import { parseCertificate } from "./certificate.ts";
import { parseRevocationList } from "./revocation-list.ts";

const root = TestAuthority.root();
const members = [root.member("a"), root.member("b")];
const pem = root.revocationList(members);

Deno.test("a list reads the same from PEM and DER, with serials and its authority's key", () => {
  const der = decodePem(pem)?.bytes ?? assert.fail();
  for (const list of [parseRevocationList(pem), parseRevocationList(der)]) {
    assert.deepEqual(
      [...list.revokedSerials].sort(),
      members.map((member) => parseCertificate(member.der).serialHex).sort(),
    );
    assert.deepEqual(list.authorityKeyId, parseCertificate(root.der).subjectKeyId);
  }
});

Deno.test("truncated, mutated and random lists are refused or read, but never crash", () => {
  const der = decodePem(pem)?.bytes ?? assert.fail();
  const read = (bytes: Uint8Array) => {
    try {
      parseRevocationList(bytes);
      return true;
    } catch (error) {
      assert.ok(error instanceof DenimError, String(error));
      assert.equal(error.code, "bad-revocation-list");
      return false;
    }
  };
  for (let length = 0; length < der.length; length++) assert.ok(!read(der.slice(0, length)));
  assert.ok(!read(utf8("-----BEGIN X509 CRL-----\n!\n-----END X509 CRL-----\n")));
  fc.assert(fc.property(mutations, (changes) => void read(mutate(der, changes))));
  fc.assert(fc.property(mutations, (changes) => void read(mutate(pem, changes))));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void read(bytes)));
});
