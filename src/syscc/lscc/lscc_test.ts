import assert from "node:assert/strict";
import { create, fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { emptyBytes, text, utf8 } from "../../base/bytes.ts";
import { ChaincodeInputSchema } from "../../gen/peer/chaincode_pb.ts";
import { ChaincodeQueryResponseSchema } from "../../gen/peer/query_pb.ts";
import type { TxSimulator } from "../../ledger/types.ts";
import { decodeChaincodeData, encodeChaincodeData } from "../../protocol/chaincode-data.ts";
import { goldenFile } from "../../../tests/support/golden.ts";
import { goldenChannel, goldenUser } from "../../../tests/support/golden-peer.ts";
import { LsccDefinitions } from "./definitions.ts";
import { inputText } from "./input-text.ts";
import { call, type Caller, refused, spec, withPeer } from "./lscc_testkit.ts";

Deno.test("functions and numbers of arguments are checked first", async () => {
  await withPeer(async ({ lscc, onChannel, off }) => {
    const wrong = async (args: string[]) =>
      refused(
        await call(lscc, onChannel, args),
        `invalid number of arguments to lscc: ${args.length}`,
      );
    await wrong([]);
    await wrong(["install"]);
    await wrong(["deploy", "c"]);
    await wrong(["upgrade", goldenChannel, "", "", "", "", "", "8th"]);
    await wrong(["getid", "c"]);
    await wrong(["GetDeploymentSpec", "c", "n", "4th"]);
    await wrong(["getchaincodes", "2nd"]);
    await wrong(["GetInstalledChaincodes", "2nd"]);
    await wrong(["getcollectionsconfig"]);
    refused(await call(lscc, onChannel, ["start"]), "invalid function to lscc: start");
    refused(await call(lscc, off, ["deploy", "", "x"]), "invalid channel name: ");
    refused(
      await call(lscc, off, ["deploy", "nochannel", "x"]),
      "non-existent application config for channel 'nochannel'",
    );
    assert.match(
      (await call(lscc, onChannel, ["deploy", goldenChannel, "x"])).message,
      /^error unmarshaling ChaincodeDeploymentSpec: /,
    );
    refused(
      await call(lscc, onChannel, ["deploy", goldenChannel, ""]),
      "invalid deployment spec: no chaincode id",
    );
  });
});

Deno.test("names and versions are held to Fabric's rules, at install and at deployment", async () => {
  await withPeer(async ({ lscc, onChannel, off }) => {
    const bad = (name: string) =>
      `invalid chaincode name '${name}'. Names must start with an alphanumeric character and can only consist of alphanumerics, '_', and '-'`;
    for (const name of ["", "-a", "a b", "a_", "a--b", "../a", "a.b"]) {
      refused(await call(lscc, onChannel, ["deploy", goldenChannel, spec(name, "1")]), bad(name));
      refused(await call(lscc, off, ["install", spec(name, "1", utf8("c"))]), bad(name));
    }
    for (const version of ["", "1/2", "v 1"]) {
      refused(
        await call(lscc, off, ["install", spec("mycc", version, utf8("c"))]),
        `invalid chaincode version '${version}'. Versions must not be empty and can only consist of alphanumerics, '_',  '-', '+', and '.'`,
      );
    }
  });
});

Deno.test("install stores a package once, for administrators of the peer only", async () => {
  await withPeer(async ({ peer, lscc, off }) => {
    const bytes = spec("my-cc_2", "1.0+rc.1", utf8("code"));
    assert.equal(text((await call(lscc, off, ["install", bytes])).payload), "OK");
    assert.deepEqual(peer.packages.load("my-cc_2", "1.0+rc.1").packageBytes, bytes);
    assert.deepEqual(peer.installed, ["my-cc_2:1.0+rc.1"]);
    const again = await call(lscc, off, ["install", bytes]);
    assert.match(
      again.message,
      /^error installing chaincode code my-cc_2:1\.0\+rc\.1\(chaincode \S+\/my-cc_2\.1\.0\+rc\.1 exists\)$/,
    );
    refused(
      await call(lscc, off, ["install", spec("escc", "1", utf8("c"))]),
      "cannot install: escc is the name of a system chaincode",
    );
    refused(
      await call(lscc, off, ["install", "garbage"]),
      "could not unmarshal chaincode package to CDS or SignedCDS",
    );
    const user = goldenUser("org1", "User1");
    const foreign = goldenUser("org2", "Admin");
    try {
      assert.match(
        (await call(lscc, { ...off, user }, ["install", bytes])).message,
        /^access denied for \[install\]: Failed verifying that proposal's creator satisfies local MSP principal/,
      );
      assert.match(
        (await call(lscc, { ...off, user: foreign }, ["install", bytes])).message,
        /^access denied for \[install\]: Failed deserializing proposal creator/,
      );
    } finally {
      user.close();
      foreign.close();
    }
    assert.equal(peer.installed.length, 1);
  });
});

Deno.test("queries answer what the ledger and the disk hold", async () => {
  await withPeer(async ({ lscc, onChannel, off }) => {
    const one = ["assetcc", "othercc"];
    for (const name of one) {
      for (const spelling of ["getid", "ChaincodeExists"]) {
        const { payload } = await call(lscc, onChannel, [spelling, goldenChannel, name]);
        assert.equal(text(payload), name);
      }
    }
    for (const spelling of ["getdepspec", "GetDeploymentSpec"]) {
      const { payload } = await call(lscc, onChannel, [spelling, goldenChannel, "assetcc"]);
      assert.deepEqual(payload, goldenFile("packages/assetcc-2.0.cds"));
    }
    for (const spelling of ["getccdata", "GetChaincodeData"]) {
      const { payload } = await call(lscc, onChannel, [spelling, goldenChannel, "assetcc"]);
      assert.equal(decodeChaincodeData(payload).version, "2.0");
    }
    const names = async (caller: Caller, spelling: string) =>
      fromBinary(ChaincodeQueryResponseSchema, (await call(lscc, caller, [spelling])).payload)
        .chaincodes.map(({ name, version }) => `${name}:${version}`);
    assert.deepEqual(await names(onChannel, "GetChaincodes"), ["assetcc:2.0", "othercc:1.0"]);
    assert.equal((await names(off, "GetInstalledChaincodes")).length, 4);
    refused(
      await call(lscc, onChannel, ["getccdata", goldenChannel, "absent"]),
      "could not find chaincode with name 'absent'",
    );
    refused(
      await call(lscc, onChannel, ["getcollectionsconfig", "othercc"]),
      "collections config not defined for chaincode othercc",
    );
    refused(
      await call(lscc, onChannel, ["getid", "nochannel", "assetcc"]),
      "access denied for [getid][nochannel]: Failed to get policy manager for channel [nochannel]",
    );
    assert.match(
      (await call(lscc, off, ["getid", goldenChannel, "assetcc"])).message,
      /^transaction not found: GET_STATE failed: transaction ID: \w+: no ledger context$/,
    );
  });
});

Deno.test("a package on disk that differs from the ledger's definition is not given out", async () => {
  await withPeer(async ({ peer, lscc, onChannel }) => {
    const state = new Map<string, Uint8Array>();
    const stored = decodeChaincodeData(
      peer.ledger.newQueryExecutor().getState("lscc", "assetcc") ?? emptyBytes,
    );
    state.set("assetcc", encodeChaincodeData({ ...stored, version: "1.0" }));
    state.set("missing", encodeChaincodeData({ ...stored, name: "missing" }));
    state.set("renamed", encodeChaincodeData(stored));
    const simulator = {
      getState: (_: string, key: string) => state.get(key),
    } as unknown as TxSimulator;
    const ask = (name: string) =>
      call(lscc, { ...onChannel, simulator }, ["getdepspec", goldenChannel, name]);
    refused(await ask("assetcc"), "chaincode fingerprint mismatch: data mismatch");
    refused(await ask("renamed"), "chaincode name mismatch: renamed!=assetcc");
    assert.match(
      (await ask("missing")).message,
      /^invalid deployment spec: open \S+\/missing\.2\.0: no such file or directory$/,
    );
    const definitions = new LsccDefinitions(peer.packages);
    assert.equal(definitions.chaincodeDefinition("assetcc", simulator).version, "1.0");
    assert.throws(() => definitions.instantiatedPackage("assetcc", simulator), {
      code: "package-mismatch",
      message: "could not get chaincode code: chaincode fingerprint mismatch: data mismatch",
    });
    assert.throws(() => definitions.chaincodeDefinition("absent", simulator), {
      code: "chaincode-not-instantiated",
      message: "chaincode absent not found",
    });
  });
});

Deno.test("inputs are shown in protobuf's text form", () => {
  const input = create(ChaincodeInputSchema, {
    args: [utf8("init"), utf8('a"\\\n'), Uint8Array.of(0, 200)],
    decorations: { k: utf8("v") },
  });
  assert.equal(
    inputText(input),
    'args:"init" args:"a\\"\\\\\\n" args:"\\000\\310" decorations:<key:"k" value:"v" > ',
  );
  assert.equal(inputText(create(ChaincodeInputSchema)), "");
  assert.equal(inputText(undefined), "<nil>");
});

Deno.test("no argument, however odd, makes lscc throw", async () => {
  await withPeer(async ({ lscc, onChannel }) => {
    const functions = fc.constantFrom(
      "install",
      "deploy",
      "upgrade",
      "getid",
      "getcollectionsconfig",
    );
    const argument = fc.oneof(
      fc.constantFrom<string | Uint8Array>(goldenChannel, "assetcc", spec("assetcc", "2.0")),
      fc.uint8Array({ maxLength: 40 }),
    );
    await fc.assert(
      fc.asyncProperty(functions, fc.array(argument, { maxLength: 7 }), async (name, rest) => {
        const { status } = await call(lscc, onChannel, [name, ...rest]);
        assert.ok(status === 200 || status === 500);
      }),
      { numRuns: 200 },
    );
  });
});
