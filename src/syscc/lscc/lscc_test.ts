import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { emptyBytes, text, utf8 } from "../../base/bytes.ts";
import type { Bundle } from "../../channel/types.ts";
import {
  CollectionConfigPackageSchema,
  CollectionConfigSchema,
} from "../../gen/common/collection_pb.ts";
import {
  ChaincodeDeploymentSpecSchema,
  ChaincodeInputSchema,
  ChaincodeSpec_Type,
  LifecycleEventSchema,
} from "../../gen/peer/chaincode_pb.ts";
import type { Response } from "../../gen/peer/proposal_response_pb.ts";
import { ChaincodeQueryResponseSchema } from "../../gen/peer/query_pb.ts";
import type { TxSimulator } from "../../ledger/types.ts";
import type { SigningIdentity } from "../../msp/types.ts";
import { policyBytes, signedByAnyAdmin, signedByMspMember } from "../../policy/envelopes.ts";
import { compileSignaturePolicy } from "../../policy/signature-policy.ts";
import { decodeChaincodeData, encodeChaincodeData } from "../../protocol/chaincode-data.ts";
import { goldenFile } from "../../../tests/support/golden.ts";
import {
  goldenChannel,
  type GoldenPeer,
  goldenProposal,
  goldenUser,
  openGoldenPeer,
} from "../../../tests/support/golden-peer.ts";
import { systemChaincodeNames } from "../system-chaincodes.ts";
import type { SystemChaincodeCall } from "../types.ts";
import { LsccDefinitions } from "./definitions.ts";
import { inputText } from "./input-text.ts";
import { Lscc } from "./lscc.ts";

interface Caller {
  readonly user: SigningIdentity;
  readonly channelId: string;
  readonly simulator: TxSimulator | undefined;
  readonly events?: [string, Uint8Array][];
}

/** lscc as the golden peer has it, called directly. */
async function call(
  lscc: Lscc,
  { user, channelId, simulator, events }: Caller,
  args: readonly (string | Uint8Array)[],
): Promise<Response> {
  const { signed, txId } = goldenProposal(user, channelId, "lscc", args);
  const parameters: SystemChaincodeCall = {
    channelId,
    txId,
    args: args.map((arg) => typeof arg === "string" ? utf8(arg) : arg),
    signedProposal: signed,
    creator: user.serialized,
    transient: {},
    simulator,
    viaChaincode: false,
    setEvent: (name, payload) => events?.push([name, payload]),
  };
  return await lscc.invoke(parameters);
}

function lsccOf(peer: GoldenPeer, bundle: (channelId: string) => Bundle | undefined): Lscc {
  return new Lscc({
    channels: { bundle },
    packages: peer.packages,
    acl: peer.acl,
    compilePolicy: compileSignaturePolicy,
    isSystemChaincode: (name) => systemChaincodeNames.has(name),
    onInstalled: ({ name, version }) => peer.installed.push(`${name}:${version}`),
  });
}

async function withPeer(
  run: (
    world: { peer: GoldenPeer; lscc: Lscc; admin: SigningIdentity; onChannel: Caller; off: Caller },
  ) => Promise<void>,
): Promise<void> {
  using peer = await openGoldenPeer();
  const admin = goldenUser("org1", "Admin");
  const simulator = peer.ledger.newSimulator("tx");
  try {
    const onChannel: Caller = { user: admin, channelId: goldenChannel, simulator, events: [] };
    const off: Caller = { user: admin, channelId: "", simulator: undefined };
    const lscc = lsccOf(peer, peer.channels.bundle);
    await run({ peer, lscc, admin, onChannel, off });
  } finally {
    simulator.done();
    admin.close();
  }
}

function spec(name: string, version: string, codePackage = emptyBytes): Uint8Array {
  return toBinary(
    ChaincodeDeploymentSpecSchema,
    create(ChaincodeDeploymentSpecSchema, {
      chaincodeSpec: {
        type: ChaincodeSpec_Type.CAR,
        chaincodeId: { name, version },
        input: { args: [utf8("init")] },
      },
      codePackage,
    }),
  );
}

function refused(response: Response, message: string): void {
  assert.deepEqual([response.status, response.message], [500, message]);
}

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

Deno.test("deploy writes the definition with Fabric's defaults", async () => {
  await withPeer(async ({ peer, lscc, onChannel }) => {
    peer.packages.install("fresh", "1", spec("fresh", "1", utf8("code")));
    const response = await call(lscc, onChannel, ["deploy", goldenChannel, spec("fresh", "1")]);
    assert.equal(response.message, "");
    const data = decodeChaincodeData(response.payload);
    assert.deepEqual([data.escc, data.vscc], ["escc", "vscc"]);
    assert.deepEqual(
      data.instantiationPolicy,
      policyBytes(signedByAnyAdmin(["Org2MSP", "Org1MSP"])),
    );
    // One member of either organisation: NOutOf 1, sorted MSP ids.
    assert.match(text(data.policy), /Org1MSP.*Org2MSP/s);
    const { publicSet } = onChannel.simulator?.results() ?? {};
    assert.deepEqual(publicSet?.nsRwset.map(({ namespace }) => namespace), ["lscc"]);
    assert.deepEqual(onChannel.events, []);
  });
});

Deno.test("deploy wants an installed package and an administrator of the channel", async () => {
  await withPeer(async ({ peer, lscc, onChannel, off }) => {
    const deploy = ["deploy", goldenChannel];
    refused(
      await call(lscc, onChannel, [...deploy, spec("absent", "1")]),
      "cannot get package for chaincode (absent:1)",
    );
    peer.packages.install("fresh", "1", spec("fresh", "1", utf8("code")));
    const user = goldenUser("org1", "User1");
    try {
      refused(
        await call(lscc, { ...onChannel, user }, [...deploy, spec("fresh", "1")]),
        "instantiation policy violation: signature set did not satisfy policy",
      );
    } finally {
      user.close();
    }
    const { message } = await call(lscc, off, [...deploy, spec("fresh", "1")]);
    assert.match(message, /^PUT_STATE failed: transaction ID: [0-9a-f]{64}: no ledger context$/);
  });
});

Deno.test("upgrade replaces an instantiated version and tells so by an event", async () => {
  await withPeer(async ({ peer, lscc, onChannel }) => {
    const upgrade = ["upgrade", goldenChannel];
    peer.packages.install("assetcc", "3", spec("assetcc", "3", utf8("code")));
    peer.packages.install("absent", "1", spec("absent", "1", utf8("code")));
    refused(
      await call(lscc, onChannel, [...upgrade, spec("absent", "1")]),
      "could not find chaincode with name 'absent'",
    );
    refused(
      await call(lscc, onChannel, [...upgrade, spec("assetcc", "2.0")]),
      "version already exists for chaincode with name 'assetcc'",
    );
    const response = await call(lscc, onChannel, [...upgrade, spec("assetcc", "3")]);
    assert.equal(decodeChaincodeData(response.payload).version, "3");
    const event = create(LifecycleEventSchema, { chaincodeName: "assetcc" });
    assert.deepEqual(onChannel.events, [["upgrade", toBinary(LifecycleEventSchema, event)]]);
  });
});

Deno.test("capabilities decide about collections", async () => {
  await withPeer(async ({ peer, onChannel }) => {
    peer.packages.install("assetcc", "3", spec("assetcc", "3", utf8("code")));
    const limited = (off: Partial<Bundle["capabilities"]>) =>
      lsccOf(peer, () => ({
        ...peer.bundle,
        capabilities: { ...peer.bundle.capabilities, ...off },
      }));
    const args = ["upgrade", goldenChannel, spec("assetcc", "3"), "", "", "", ""];
    refused(
      await call(limited({ privateChannelData: false }), onChannel, args),
      "as V1_2 or later capability is not enabled, private channel collections and data are not available",
    );
    refused(
      await call(limited({ collectionUpgrade: false }), onChannel, args),
      "as V1_2 capability is not enabled, collection upgrades are not allowed",
    );
  });
});

Deno.test("collections are checked before they are written", async () => {
  await withPeer(async ({ peer, lscc, onChannel }) => {
    peer.packages.install("fresh", "1", spec("fresh", "1", utf8("code")));
    const deploy = (collections: string | Uint8Array) =>
      call(lscc, onChannel, [
        "deploy",
        goldenChannel,
        spec("fresh", "1"),
        "",
        "",
        "",
        collections,
      ]);
    const packed = (config: Parameters<typeof create<typeof CollectionConfigSchema>>[1]) =>
      toBinary(
        CollectionConfigPackageSchema,
        create(CollectionConfigPackageSchema, { config: [create(CollectionConfigSchema, config)] }),
      );
    const statically = (value: Record<string, unknown>) =>
      packed({ payload: { case: "staticCollectionConfig", value } });
    const failed = "collection member policy check failed: ";
    refused(
      await deploy("\n\x7f"),
      "invalid collection configuration supplied for chaincode fresh:1",
    );
    refused(await deploy(packed({})), `${failed}collection configuration is empty`);
    refused(
      await deploy(statically({ name: "c" })),
      `${failed}collection member policy is not set`,
    );
    refused(
      await deploy(statically({ name: "c", memberOrgsPolicy: {} })),
      `${failed}collection member org policy is empty`,
    );
    const policy = (value: unknown) =>
      statically({ name: "c", memberOrgsPolicy: { payload: { case: "signaturePolicy", value } } });
    refused(
      await deploy(policy({ identities: [{ principalClassification: 9 }] })),
      `${failed}collection-name: c -- principal type 9 is not supported`,
    );
    refused(
      await deploy(policy({ rule: { Type: { case: "signedBy", value: 3 } } })),
      `${failed}invalid member org policy for collection 'c': identity index out of range, requested 3, but identities length is 0`,
    );
    assert.equal((await deploy(policy(signedByMspMember("Org9MSP")))).status, 200);
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
