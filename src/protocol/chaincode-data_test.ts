import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { base64, fromBase64 } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import {
  decodeCdsData,
  decodeChaincodeData,
  decodeSignedCdsData,
  encodeCdsData,
  encodeChaincodeData,
  encodeSignedCdsData,
} from "./chaincode-data.ts";

interface StateEntry {
  namespace: string;
  key?: string;
  valueBase64: string;
}

const stateUrl = new URL("../../tests/testdata/golden/state.json", import.meta.url);

function recordedDefinitions(): StateEntry[] {
  const { entries }: { entries: StateEntry[] } = JSON.parse(readFileSync(stateUrl, "utf8"));
  return entries.filter((e) => e.namespace === "lscc" && !e.key?.includes("~"));
}

Deno.test("recorded chaincode definitions survive decode and encode byte for byte", () => {
  const definitions = recordedDefinitions();
  assert.ok(definitions.length >= 2);
  for (const { key, valueBase64 } of definitions) {
    const data = decodeChaincodeData(fromBase64(valueBase64));
    assert.equal(data.name, key);
    assert.equal(data.vscc, "vscc");
    assert.equal(data.escc, "escc");
    assert.equal(base64(encodeChaincodeData(data)), valueBase64);
    const digests = decodeSignedCdsData(data.data);
    assert.equal(digests.codeHash.length, 32);
    assert.equal(digests.metadataHash.length, 32);
    const signed = digests.signatureHash.length > 0;
    const encoded = signed ? encodeSignedCdsData(digests) : encodeCdsData(decodeCdsData(data.data));
    assert.equal(base64(encoded), base64(data.data));
  }
});

Deno.test("an absent instantiation policy is told apart from an empty one", () => {
  assert.equal(decodeChaincodeData(new Uint8Array([])).instantiationPolicy, undefined);
  assert.equal(decodeChaincodeData(new Uint8Array([0x42, 0])).instantiationPolicy?.length, 0);
});

Deno.test("empty strings are written, as golang/protobuf writes them", () => {
  const empty = new Uint8Array(0);
  const bytes = encodeChaincodeData({
    name: "a",
    version: "",
    escc: "",
    vscc: "",
    policy: empty,
    data: empty,
    id: empty,
    instantiationPolicy: undefined,
  });
  assert.deepEqual([...bytes], [0x0a, 1, 0x61, 0x12, 0, 0x1a, 0, 0x22, 0]);
});

Deno.test("digests of a signed package survive encode and decode", () => {
  const digests = {
    codeHash: new Uint8Array([1]),
    metadataHash: new Uint8Array([2]),
    signatureHash: new Uint8Array([3]),
  };
  assert.deepEqual(decodeSignedCdsData(encodeSignedCdsData(digests)), digests);
});

Deno.test("a length of more than 32 bits is refused, and mistyped fields are skipped", () => {
  const huge = new Uint8Array([0x0a, 0x81, 0x80, 0x80, 0x80, 0x10, 0x61]);
  assert.throws(() => decodeChaincodeData(huge), DenimError);
  assert.equal(decodeChaincodeData(new Uint8Array([0x08, 0x05, 0x12, 1, 0x32])).version, "2");
  // A leading U+FEFF is part of the name.
  const marked = new Uint8Array([0x0a, 4, 0xef, 0xbb, 0xbf, 0x61]);
  assert.equal(decodeChaincodeData(marked).name, "\uFEFFa");
});

Deno.test("any bytes either decode or are refused with bad-chaincode-data", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    try {
      decodeChaincodeData(bytes);
    } catch (error) {
      assert.ok(error instanceof DenimError && error.code === "bad-chaincode-data");
    }
  }));
});
