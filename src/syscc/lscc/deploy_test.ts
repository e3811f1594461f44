import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { text, utf8 } from "../../base/bytes.ts";
import type { Bundle } from "../../channel/types.ts";
import {
  CollectionConfigPackageSchema,
  CollectionConfigSchema,
} from "../../gen/common/collection_pb.ts";
import { LifecycleEventSchema } from "../../gen/peer/chaincode_pb.ts";
import { policyBytes, signedByAnyAdmin, signedByMspMember } from "../../policy/envelopes.ts";
import { decodeChaincodeData } from "../../protocol/chaincode-data.ts";
import { goldenChannel, goldenUser } from "../../../tests/support/golden-peer.ts";
import { call, lsccOf, refused, spec, withPeer } from "./lscc_testkit.ts";

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
    const { namespaces } = onChannel.simulator?.results() ?? {};
    assert.deepEqual(namespaces?.map(({ namespace }) => namespace), ["lscc"]);
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
