/** Packages of the real 1.4.2 peer and ours: the same contents, each taken by the other's rules. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { equal } from "../src/base/bytes.ts";
import {
  openSignedPackage,
  parsePackage,
  parseSignedPackage,
} from "../src/chaincode/package/chaincode-package.ts";
import {
  ChannelHeaderSchema,
  EnvelopeSchema,
  HeaderType,
  PayloadSchema,
} from "../src/gen/common/common_pb.ts";
import { SerializedIdentitySchema } from "../src/gen/msp/identities_pb.ts";
import { ChaincodeDeploymentSpecSchema, ChaincodeSpec_Type } from "../src/gen/peer/chaincode_pb.ts";
import { platformOf } from "../src/runtime/platforms/platforms.ts";
import { repository, Workplace } from "./support/denim.ts";

const golden = join(repository, "tests/testdata/golden");
const packages = join(golden, "packages");
const names = readdirSync(packages).filter((name) => name.endsWith(".cds"));

/** The settings of an organisation's administrator, for a client without a network. */
function administrator(organization: 1 | 2): Record<string, string> {
  const domain = `org${organization}.example.com`;
  const msp = `crypto-config/peerOrganizations/${domain}/users/Admin@${domain}/msp`;
  return {
    CORE_PEER_LOCALMSPID: `Org${organization}MSP`,
    CORE_PEER_MSPCONFIGPATH: join(golden, msp),
  };
}

/** A GOPATH with the recorded chaincode. */
function gopath(work: Workplace): string {
  const path = join(work.directory, "gopath");
  mkdirSync(join(path, "src"), { recursive: true });
  cpSync(join(golden, "chaincode/assetcc"), join(path, "src/assetcc"), { recursive: true });
  return path;
}

/** A deployment specification with its code package as a tar: gzip differs between Go and zlib. */
function unpacked(bytes: Uint8Array) {
  const spec = fromBinary(ChaincodeDeploymentSpecSchema, bytes);
  const tar = gunzipSync(spec.codePackage);
  return { ...spec, codePackage: tar.toString("hex") };
}

Deno.test("every recorded package is read, and keeps the rules for what may be in it", () => {
  assert(names.length >= 4, `only ${names.length} packages`);
  for (const name of names) {
    const bytes = new Uint8Array(readFileSync(join(packages, name)));
    const parsed = parsePackage(bytes);
    assert.equal(parsed.signed, name.includes(".signed"), name);
    const platform = platformOf(parsed.deploymentSpec.chaincodeSpec?.type ?? 0);
    assert.equal(platform.type, ChaincodeSpec_Type.GOLANG);
    platform.validateCodePackage(parsed.deploymentSpec.codePackage);
    assert(equal(parsed.packageBytes, bytes));
  }
});

Deno.test("chaincode package makes the deployment specification that peer makes of the same source", async () => {
  await using work = new Workplace();
  const environment = { ...administrator(1), GOPATH: gopath(work) };
  for (const name of names.filter((name) => !name.includes(".signed"))) {
    const recorded = new Uint8Array(readFileSync(join(packages, name)));
    const { name: chaincode, version } = parsePackage(recorded);
    const flags = ["-n", chaincode, "-v", version, "-p", "assetcc", "-l", "golang"];
    const told = await work.run(["chaincode", "package", ...flags, "our.cds"], { environment });
    assert.equal(told.code, 0, told.err);
    assert.match(told.err, /Using default escc\n.*Using default vscc\n/);
    const ours = new Uint8Array(readFileSync(join(work.directory, "our.cds")));
    assert.deepEqual(unpacked(ours), unpacked(recorded), name);
  }
});

Deno.test("Java: the package that peer makes, without what was built, and it installs", async () => {
  const recorded = join(repository, "tests/testdata/packages/javacc-1.0.cds");
  const longName = `${"p".repeat(60)}/${"q".repeat(60)}/R${"r".repeat(100)}`;
  const sources: Record<string, string> = {
    "pom.xml": "<project/>\n",
    "build.gradle": "// none\n",
    "settings.gradle": "\n",
    "src/main/java/Main.java": "public class Main {}\n",
    "src/Z.txt": "z\n",
    "src/a/target/kept.txt": "kept\n",
    "src/main/java/Übung.java": "class Übung {}\n",
    [`src/main/java/${longName}.java`]: "\n",
    // Not packaged:
    "src/main/java/Main.class": "x",
    "target/x.txt": "x",
    "build/y.txt": "y",
    "out/z.txt": "z",
    ".git/HEAD": "h",
    ".gitignore": "target\n",
  };
  await using work = new Workplace();
  for (const [name, content] of Object.entries(sources)) {
    const path = join(work.directory, "source", name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content, { mode: name === "pom.xml" ? 0o755 : 0o644 });
  }
  const flags = ["-n", "javacc", "-v", "1.0", "-p", "source", "-l", "java"];
  const environment = administrator(1);
  await work.ok(["chaincode", "package", ...flags, "our.cds"], { environment });
  const [ours, theirs] = [join(work.directory, "our.cds"), recorded]
    .map((file) => new Uint8Array(readFileSync(file)));
  assert.deepEqual(unpacked(ours), unpacked(theirs));
  const { deploymentSpec, id } = parsePackage(theirs);
  platformOf(ChaincodeSpec_Type.JAVA).validateCodePackage(deploymentSpec.codePackage);
  await work.up("--runtime", "process");
  await work.ok(["chaincode", "install", recorded]);
  const list = await work.ok(["chaincode", "list", "--installed"]);
  assert.match(list, new RegExp(`Name: javacc, Version: 1.0, Path: source, Id: ${id.toHex()}`));
});

Deno.test("signed packages: the form that peer gives them, and a second owner added to either", async () => {
  await using work = new Workplace();
  const environment = { ...administrator(1), GOPATH: gopath(work) };
  const recordedName = names.find((name) => /signed\.cds$/.test(name));
  assert(recordedName !== undefined);
  const recorded = new Uint8Array(readFileSync(join(packages, recordedName)));
  const theirs = parseSignedPackage(recorded);
  const flags = ["-n", theirs.name, "-v", theirs.version, "-p", "assetcc", "-s", "-S"];
  const policy = ["-i", "OR('Org1MSP.admin','Org2MSP.admin')"];
  await work.ok(["chaincode", "package", ...flags, ...policy, "our.cds"], { environment });
  cpSync(join(packages, recordedName), join(work.directory, "their.cds"));

  const owners = (bytes: Uint8Array) =>
    openSignedPackage(bytes).ownerEndorsements.map(({ endorser }) =>
      fromBinary(SerializedIdentitySchema, endorser).mspid
    );
  for (const file of ["our.cds", "their.cds"]) {
    const before = new Uint8Array(readFileSync(join(work.directory, file)));
    const envelope = fromBinary(EnvelopeSchema, before);
    const payload = fromBinary(PayloadSchema, envelope.payload);
    const header = fromBinary(
      ChannelHeaderSchema,
      payload.header?.channelHeader ?? new Uint8Array(),
    );
    assert.equal(header.type, HeaderType.CHAINCODE_PACKAGE);
    assert.equal(envelope.signature.length, 0);
    const spec = openSignedPackage(before).chaincodeDeploymentSpec;
    assert.deepEqual(unpacked(spec), unpacked(theirs.deploymentSpecBytes));

    const signed = ["chaincode", "signpackage", file, `twice-${file}`];
    const said = await work.ok(signed, { environment: administrator(2) });
    assert.match(said, /^Wrote signed package to twice-.* successfully\n$/);
    const after = new Uint8Array(readFileSync(join(work.directory, `twice-${file}`)));
    assert.deepEqual(owners(after), [...owners(before), "Org2MSP"]);
    assert(equal(openSignedPackage(after).chaincodeDeploymentSpec, spec));
  }
});

Deno.test("packages of the real peer install, signed ones too, and are listed with the real peer's id", async () => {
  await using work = new Workplace();
  await work.up("--runtime", "process");
  const installed = new Map<string, string>();
  for (const name of names) {
    const parsed = parsePackage(new Uint8Array(readFileSync(join(packages, name))));
    const instance = `${parsed.name}:${parsed.version}`;
    if (installed.has(instance)) continue;
    await work.ok(["chaincode", "install", join(packages, name)]);
    installed.set(instance, parsed.id.toHex());
  }
  const list = await work.ok(["chaincode", "list", "--installed"]);
  for (const [instance, id] of installed) {
    const [name, version] = instance.split(":");
    assert.match(list, new RegExp(`Name: ${name}, Version: ${version}, Path: assetcc, Id: ${id}`));
  }
});
