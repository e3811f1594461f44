import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { concat, equal, fromBase64, utf8 } from "../../base/bytes.ts";
import { silentLogger } from "../../base/logger.ts";
import { ChaincodeDeploymentSpecSchema, ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import type { SigningIdentity } from "../../msp/types.ts";
import { decodeChaincodeData } from "../../protocol/chaincode-data.ts";
import { checkAgainstLedger, parsePackage } from "./chaincode-package.ts";
import { stateDatabaseFiles, validateCodePackage } from "./code-package.ts";
import { validateMetadataFile } from "./metadata-file.ts";
import { DirectoryPackageStore } from "./package-store.ts";
import { addSignature, createSignedPackage } from "./signed-package.ts";

const golden = new URL("../../../tests/testdata/golden/", import.meta.url);
const recorded = (name: string) =>
  new Uint8Array(readFileSync(new URL(`packages/${name}`, golden)));
const clock = { now: () => 1_563_000_000_000 };
const signer = (name: string): SigningIdentity => ({
  mspId: "Org1MSP",
  serialized: utf8(name),
  sign: (message) => utf8(`${name} signed ${message.length}`),
});

interface StateEntry {
  namespace: string;
  key: string;
  valueBase64: string;
}

function ledgerDefinition(name: string) {
  const state = JSON.parse(readFileSync(new URL("state.json", golden), "utf8")) as {
    entries: StateEntry[];
  };
  const entry = state.entries.find((entry) => entry.namespace === "lscc" && entry.key === name);
  assert.ok(entry);
  return decodeChaincodeData(fromBase64(entry.valueBase64));
}

/** A tar of plain files, uncompressed. */
function tar(files: Record<string, string>, mode = "0100644"): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [name, content] of Object.entries(files)) {
    const header = new Uint8Array(512);
    const put = (text: string, at: number) => header.set(utf8(text), at);
    put(name, 0);
    put(mode, 100);
    put(content.length.toString(8).padStart(11, "0"), 124);
    put("        ", 148);
    put("0", 156);
    put("ustar\x0000", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    put(sum.toString(8).padStart(6, "0") + "\0 ", 148);
    const body = new Uint8Array(Math.ceil(content.length / 512) * 512);
    body.set(utf8(content));
    parts.push(header, body);
  }
  return concat(...parts, new Uint8Array(1024));
}

function specOf(type: ChaincodeSpec_Type, codePackage: Uint8Array, name = "mycc") {
  return create(ChaincodeDeploymentSpecSchema, {
    codePackage,
    chaincodeSpec: { type, chaincodeId: { name, version: "1", path: "p" } },
  });
}

function inTemporaryDirectory(run: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), "denim-packages-"));
  try {
    run(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

Deno.test("recorded packages have the ids and digests that the recorded ledger holds", () => {
  for (
    const [file, name] of [["assetcc-2.0.cds", "assetcc"], ["othercc-1.0.signed.cds", "othercc"]]
  ) {
    const definition = ledgerDefinition(name);
    const parsed = parsePackage(recorded(file));
    assert.equal(parsed.signed, name === "othercc");
    assert.deepEqual(parsed.id, definition.id);
    assert.deepEqual(parsed.data, definition.data);
    if (parsed.signed) assert.deepEqual(parsed.instantiationPolicy, definition.instantiationPolicy);
    checkAgainstLedger(parsed, definition);
  }
});

Deno.test("a package that differs from the ledger's definition is told apart", () => {
  const definition = ledgerDefinition("assetcc");
  assert.throws(() => checkAgainstLedger(parsePackage(recorded("assetcc-1.0.cds")), definition), {
    code: "package-mismatch",
  });
  const unsigned = parsePackage(
    toBinary(ChaincodeDeploymentSpecSchema, specOf(ChaincodeSpec_Type.GOLANG, utf8("other"))),
  );
  assert.throws(() => checkAgainstLedger(unsigned, { ...unsigned, data: definition.data }), {
    message: "data mismatch",
  });
});

Deno.test("every signed package of the recording lists its owners", () => {
  const owners = (file: string) =>
    parsePackage(recorded(file)).signedSpec?.ownerEndorsements.length;
  assert.equal(owners("othercc-1.0.signed.cds"), 1);
  assert.equal(owners("thirdcc-1.0.signed.cds"), 1);
  assert.equal(owners("thirdcc-1.0.signed2.cds"), 2);
});

Deno.test("a package can be signed by one owner after the other", () => {
  const deploymentSpec = recorded("assetcc-1.0.cds");
  const instantiationPolicy = utf8("policy");
  const first = createSignedPackage({
    deploymentSpec,
    instantiationPolicy,
    owner: signer("a"),
    clock,
  });
  const parsed = parsePackage(addSignature(first, signer("b"), clock));
  assert.deepEqual(parsed.deploymentSpecBytes, deploymentSpec);
  const endorsements = parsed.signedSpec?.ownerEndorsements ?? [];
  assert.deepEqual(endorsements.map((e) => e.endorser), [utf8("a"), utf8("b")]);
  const signed = deploymentSpec.length + instantiationPolicy.length + 1;
  assert.deepEqual(endorsements[1].signature, utf8(`b signed ${signed}`));
  assert.notDeepEqual(parsed.id, parsePackage(first).id);
  const unsigned = createSignedPackage({
    deploymentSpec,
    instantiationPolicy,
    owner: undefined,
    clock,
  });
  assert.throws(() => addSignature(unsigned, signer("b"), clock), {
    message: "invalid signed deployment spec",
  });
});

Deno.test("installed packages are stored byte for byte and never replaced", () => {
  inTemporaryDirectory((directory) => {
    const store = new DirectoryPackageStore(join(directory, "chaincodes"), silentLogger);
    const bytes = recorded("thirdcc-1.0.signed2.cds");
    store.install("thirdcc", "1.0", bytes);
    store.install("assetcc", "2.0", recorded("assetcc-2.0.cds"));
    store.install("assetcc", "1.0", recorded("assetcc-1.0.cds"));
    const path = join(directory, "chaincodes", "thirdcc.1.0");
    assert.deepEqual(new Uint8Array(readFileSync(path)), bytes);
    assert.deepEqual(store.load("thirdcc", "1.0").packageBytes, bytes);
    assert.throws(() => store.install("thirdcc", "1.0", utf8("x")), {
      code: "package-exists",
      message: `chaincode ${path} exists`,
    });
    assert.ok(store.has("assetcc", "2.0") && !store.has("assetcc", "3.0"));
    const listed = () => store.list().map(({ name, version }) => `${name}:${version}`);
    assert.deepEqual(listed(), ["assetcc:1.0", "assetcc:2.0", "thirdcc:1.0"]);
    // Damaged and renamed files are skipped, and nothing temporary is left behind.
    writeFileSync(join(directory, "chaincodes", "broken.1.0"), "no package");
    writeFileSync(join(directory, "chaincodes", "renamed.1.0"), recorded("assetcc-1.0.cds"));
    assert.deepEqual(listed(), ["assetcc:1.0", "assetcc:2.0", "thirdcc:1.0"]);
    assert.equal(readdirSync(join(directory, "chaincodes")).length, 5);
    assert.throws(() => store.load("broken", "1.0"), { code: "malformed-package" });
  });
});

Deno.test("what is not installed is reported as Fabric does, and no name leads out of the store", () => {
  inTemporaryDirectory((directory) => {
    const store = new DirectoryPackageStore(directory, silentLogger);
    assert.throws(() => store.load("mycc", "1"), {
      code: "package-not-installed",
      message: `open ${directory}/mycc.1: no such file or directory`,
    });
    assert.throws(() => store.load("../../etc/passwd", "1"), { code: "package-not-installed" });
  });
});

Deno.test("mutated packages are refused or read, never a crash", () => {
  const files = ["assetcc-1.0.cds", "thirdcc-1.0.signed2.cds"].map(recorded);
  fc.assert(fc.property(
    fc.constantFrom(...files),
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 8 }),
    fc.option(fc.nat()),
    (original, edits, cut) => {
      const bytes = original.slice(0, cut === null ? undefined : cut % original.length);
      for (const [at, value] of edits) if (bytes.length > 0) bytes[at % bytes.length] = value;
      try {
        stateDatabaseFiles(parsePackage(bytes).deploymentSpec);
      } catch (error) {
        assert.equal((error as Error).name, "DenimError", String((error as Error).stack));
      }
    },
  ));
});

Deno.test("a deployment spec is not taken for a signed package nor the other way round", () => {
  assert.equal(parsePackage(recorded("assetcc-1.0.cds")).signed, false);
  assert.equal(parsePackage(recorded("othercc-1.0.signed.cds")).signed, true);
  assert.throws(() => parsePackage(utf8("garbage")), {
    message: "could not unmarshal chaincode package to CDS or SignedCDS",
  });
  assert.throws(() => parsePackage(new Uint8Array()), { code: "malformed-package" });
});

Deno.test("code packages may hold only what their platform allows", () => {
  const { GOLANG, NODE, JAVA, CAR, UNDEFINED } = ChaincodeSpec_Type;
  const packed = (files: Record<string, string>, mode?: string) =>
    new Uint8Array(gzipSync(tar(files, mode)));
  const good = parsePackage(recorded("assetcc-1.0.cds")).deploymentSpec;
  validateCodePackage(GOLANG, good.codePackage);
  validateCodePackage(GOLANG, new Uint8Array());
  validateCodePackage(CAR, utf8("anything"));
  validateCodePackage(NODE, packed({ "src/package.json": "{}", "META-INF/x": "" }));
  validateCodePackage(JAVA, packed({ "src/src/A.java": "", "src/pom.xml": "" }));
  const refused = (type: ChaincodeSpec_Type, code: Uint8Array, message: string) =>
    assert.throws(() => validateCodePackage(type, code), { message });
  refused(GOLANG, packed({ "bin/x": "" }), 'illegal file detected in payload: "bin/x"');
  refused(
    GOLANG,
    packed({ "src/x": "" }, "0100755"),
    "illegal file mode detected for file src/x: 100755",
  );
  refused(
    NODE,
    packed({ "src/x.js": "" }),
    "no package.json found at the root of the chaincode package",
  );
  refused(
    JAVA,
    packed({ "src/src/A.class": "" }),
    'illegal file detected in payload: "src/src/A.class"',
  );
  refused(UNDEFINED, new Uint8Array(), "Unknown chaincodeType: UNDEFINED");
  refused(GOLANG, utf8("xx"), "failure opening codepackage gzip stream: gzip: invalid header");
});

Deno.test("index definitions of a package are found and checked", () => {
  const name = "META-INF/statedb/couchdb/indexes/owner.json";
  const index =
    '{"index":{"fields":["owner",{"size":"desc"}]},"ddoc":"d","name":"n","type":"json"}';
  const code = new Uint8Array(gzipSync(tar({ "src/a.go": "package a", [name]: index })));
  const files = stateDatabaseFiles(specOf(ChaincodeSpec_Type.GOLANG, code));
  assert.equal(files.length, 1);
  assert.ok(files[0].name === name && equal(files[0].content, utf8(index)));
  const bad = new Uint8Array(gzipSync(tar({ [name]: "[]" })));
  assert.throws(() => stateDatabaseFiles(specOf(ChaincodeSpec_Type.GOLANG, bad)), {
    message: `invalid state database artifact: Index metadata file [${name}] is not a valid JSON`,
  });
  assert.throws(() => stateDatabaseFiles(specOf(ChaincodeSpec_Type.UNDEFINED, code)), {
    message: "invalid deployment spec",
  });
});

Deno.test("metadata files are refused with Fabric's reasons", () => {
  const index = "META-INF/statedb/couchdb/indexes/i.json";
  const refused = (path: string, content: string, reason: string) =>
    assert.throws(() => validateMetadataFile(path, utf8(content)), { message: reason });
  const definition = (content: string, reason: string) =>
    refused(
      index,
      content,
      `Index metadata file [${index}] is not a valid index definition: ${reason}`,
    );
  validateMetadataFile(
    "META-INF/statedb/couchdb/collections/c-1/indexes/i.json",
    utf8('{"index":{"fields":[],"partial_filter_selector":{}}}'),
  );
  refused(
    "META-INF/x",
    "",
    "metadata file path must begin with META-INF/statedb, found: META-INF/",
  );
  refused(
    "META-INF/statedb/goleveldb/indexes/i.json",
    "",
    "database name [goleveldb] is not supported, valid options: [couchdb]",
  );
  refused(
    "META-INF/statedb/couchdb/i.json",
    "",
    "metadata file path must include a database and index directory: META-INF/statedb/couchdb/",
  );
  refused(
    "META-INF/statedb/couchdb/other/i.json",
    "",
    "metadata file path does not have an indexes directory: META-INF/statedb/couchdb/other/",
  );
  definition("{}", 'Index definition must include a "fields" definition');
  definition('{"index":[]}', 'Invalid entry, "index" must be a JSON');
  definition('{"index":{"fields":{}}}', "Expecting a JSON array of fields");
  definition('{"index":{"other":1}}', "Invalid Entry.  Entry other");
  definition('{"type":"text"}', "Index type must be json");
  definition(
    '{"index":{"fields":[{"a":"up"}]}}',
    'Sort must be either "asc" or "desc".  "up" was found.',
  );
});
