import assert from "node:assert/strict";
import { clone, create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { DenimError } from "../base/errors.ts";
import {
  CapabilitiesSchema,
  HashingAlgorithmSchema,
  OrdererAddressesSchema,
} from "../gen/common/configuration_pb.ts";
import { type Config, ConfigSchema, ConfigValueSchema$ } from "../gen/common/configtx_pb.ts";
import { FabricMSPConfigSchema, MSPConfigSchema } from "../gen/msp/msp_config_pb.ts";
import { BatchSizeSchema, BatchTimeoutSchema } from "../gen/orderer/configuration_pb.ts";
import { createBundle } from "./bundle.ts";
import { artifactBlock, bundleOf, goldenBlock, provider } from "./channel_testkit.ts";
import { configFromBlock } from "./config-block.ts";
import { requireSupportedCapabilities } from "./join.ts";
import { validateNewBundle } from "./validate-new-bundle.ts";

const channelConfig = () => configFromBlock(artifactBlock("mychannel.block"));
const bundle = (config: Config, channelId = "mychannel") =>
  createBundle(channelId, config, { provider });

function changed(change: (config: Config) => void): Config {
  const config = clone(ConfigSchema, channelConfig());
  change(config);
  return config;
}

const value = (bytes: Uint8Array) =>
  create(ConfigValueSchema$, { value: bytes, modPolicy: "Admins" });
const capabilities = (...names: string[]) =>
  value(toBinary(
    CapabilitiesSchema,
    create(CapabilitiesSchema, {
      capabilities: Object.fromEntries(names.map((name) => [name, {}])),
    }),
  ));

Deno.test("the recorded channel's bundle has its organisations, settings, policies and capabilities", () => {
  const recorded = bundleOf(artifactBlock("mychannel.block"));
  assert.equal(recorded.channelId, "mychannel");
  assert.equal(recorded.sequence, 1);
  assert.deepEqual(recorded.applicationOrgs, [
    { name: "Org1MSP", mspId: "Org1MSP", anchorPeers: [] },
    { name: "Org2MSP", mspId: "Org2MSP", anchorPeers: [] },
  ]);
  assert.deepEqual(recorded.mspManager.mspIds().sort(), ["OrdererMSP", "Org1MSP", "Org2MSP"]);
  assert.equal(recorded.orderer?.consensusType, "solo");
  assert.equal(recorded.orderer?.maxMessageCount, 50);
  assert.equal(recorded.orderer?.absoluteMaxBytes, 10 * 1024 * 1024);
  assert.equal(recorded.orderer?.preferredMaxBytes, 4 * 1024 * 1024);
  assert.equal(recorded.orderer?.batchTimeoutMs, 1_000);
  assert.deepEqual(recorded.orderer?.orgMspIds, ["OrdererMSP"]);
  assert.deepEqual(recorded.ordererAddresses, ["127.0.0.1:7050"]);
  assert.equal(recorded.channelConfig.consortiumName, "SampleConsortium");
  assert.equal(recorded.channelConfig.consortiums, undefined);
  assert.equal(recorded.capabilities.v1_4_2 && recorded.capabilities.keyLevelEndorsement, true);
  assert.deepEqual(recorded.unsupportedCapabilities, []);
  for (
    const path of [
      "/Channel/Readers",
      "/Channel/Application/Writers",
      "/Channel/Application/Org1MSP/Admins",
      "/Channel/Orderer/BlockValidation",
    ]
  ) {
    assert.notEqual(recorded.policyManager.policy(path), undefined, path);
  }
});

Deno.test("the recorded system channel's bundle has its consortium", () => {
  const system = bundleOf(artifactBlock("genesis.block"));
  assert.equal(system.channelId, "syschannel");
  assert.deepEqual(system.applicationOrgs, []);
  assert.equal(system.capabilities.v1_1, false);
  assert.deepEqual(
    system.channelConfig.consortiums?.map(({ name, orgs }) => [name, orgs.map((o) => o.mspId)]),
    [["SampleConsortium", ["Org1MSP", "Org2MSP"]]],
  );
});

Deno.test("later recorded blocks bring anchor peers and ACLs", () => {
  const { applicationOrgs } = bundleOf(goldenBlock(2));
  assert.deepEqual(applicationOrgs.map((org) => org.anchorPeers), [
    [{ host: "127.0.0.1", port: 7051 }],
    [{ host: "127.0.0.1", port: 8051 }],
  ]);
  const { acls } = bundleOf(goldenBlock(21));
  assert.equal(acls.size, 1);
  for (const path of acls.values()) assert.match(path, /^\/Channel\/Application\//);
});

Deno.test("values that Fabric refuses are refused in its words", () => {
  const cases: [string, (config: Config) => void, string][] = [
    ["unknown value", (config) => {
      config.channelGroup!.values.Nonsense = value(new Uint8Array(0));
    }, "initializing channelconfig failed: failed to deserialize values: Unexpected key Nonsense"],
    ["unknown group", (config) => {
      config.channelGroup!.groups.Nonsense = config.channelGroup!.groups.Orderer;
    }, "initializing channelconfig failed: Disallowed channel group: Nonsense"],
    ["unknown hash", (config) => {
      config.channelGroup!.values.HashingAlgorithm = value(
        toBinary(HashingAlgorithmSchema, create(HashingAlgorithmSchema, { name: "MD5" })),
      );
    }, "initializing channelconfig failed: Unknown hashing algorithm type: MD5"],
    [
      "no batch size",
      (config) => {
        delete config.channelGroup!.groups.Orderer.values.BatchSize;
      },
      "initializing channelconfig failed: could not create channel Orderer sub-group config: " +
      "Attempted to set the batch size max message count to an invalid value: 0",
    ],
    [
      "preferred over absolute",
      (config) => {
        config.channelGroup!.groups.Orderer.values.BatchSize = value(toBinary(
          BatchSizeSchema,
          create(BatchSizeSchema, {
            maxMessageCount: 1,
            absoluteMaxBytes: 1,
            preferredMaxBytes: 2,
          }),
        ));
      },
      "initializing channelconfig failed: could not create channel Orderer sub-group config: " +
      "Attempted to set the batch size preferred max bytes (2) greater than the absolute max " +
      "bytes (1).",
    ],
    [
      "batch timeout",
      (config) => {
        config.channelGroup!.groups.Orderer.values.BatchTimeout = value(
          toBinary(BatchTimeoutSchema, create(BatchTimeoutSchema, { timeout: "-1s" })),
        );
      },
      "initializing channelconfig failed: could not create channel Orderer sub-group config: " +
      "Attempted to set the batch timeout to a non-positive value: -1s",
    ],
    ["capabilities without orderer", (config) => {
      delete config.channelGroup!.groups.Orderer.values.Capabilities;
    }, "cannot enable channel capabilities without orderer support first"],
    [
      "ACLs without capability",
      (config) => {
        const application = config.channelGroup!.groups.Application;
        application.values.Capabilities = capabilities("V1_1");
        application.values.ACLs = value(new Uint8Array(0));
      },
      "initializing channelconfig failed: could not create channel Application sub-group " +
      "config: ACLs may not be specified without the required capability",
    ],
    [
      "endpoints without capability",
      (config) => {
        config.channelGroup!.values.Capabilities = capabilities("V1_3");
        config.channelGroup!.groups.Orderer.groups.OrdererOrg.values.Endpoints = value(
          toBinary(OrdererAddressesSchema, create(OrdererAddressesSchema, { addresses: ["a:1"] })),
        );
      },
      "initializing channelconfig failed: could not create channel Orderer sub-group config: " +
      "Orderer Org OrdererOrg cannot contain endpoints value until V2_0+ capabilities have been " +
      "enabled",
    ],
    [
      "two versions of an MSP",
      (config) => {
        const { groups } = config.channelGroup!.groups.Application;
        const msp = fromBinary(MSPConfigSchema, groups.Org1MSP.values.MSP.value);
        const settings = fromBinary(FabricMSPConfigSchema, msp.config);
        settings.tlsRootCerts = [];
        msp.config = toBinary(FabricMSPConfigSchema, settings);
        groups.Org2MSP.values.MSP = value(toBinary(MSPConfigSchema, msp));
      },
      "initializing channelconfig failed: could not create channel Application sub-group " +
      "config: Attempted to define two different versions of MSP: Org1MSP",
    ],
  ];
  for (const [name, change, message] of cases) {
    assert.throws(() => bundle(changed(change)), (error) => {
      assert.ok(error instanceof DenimError, name);
      assert.equal(error.code, "bad-config", name);
      assert.equal(error.message, message, name);
      return true;
    });
  }
});

Deno.test("an orderer organisation's own endpoints replace the channel's where the capability allows them", () => {
  const config = changed((one) => {
    one.channelGroup!.groups.Orderer.groups.OrdererOrg.values.Endpoints = value(
      toBinary(OrdererAddressesSchema, create(OrdererAddressesSchema, { addresses: ["o:1"] })),
    );
  });
  assert.deepEqual(bundle(config).ordererAddresses, ["o:1"]);
  assert.deepEqual(bundle(config).ordererEndpoints, [{ address: "o:1", mspIds: ["OrdererMSP"] }]);
  assert.deepEqual(bundle(changed(() => {})).ordererEndpoints, [
    { address: "127.0.0.1:7050", mspIds: ["OrdererMSP"] },
  ]);
});

Deno.test("unknown capabilities are reported, and a peer stops before them", () => {
  const future = bundle(changed((config) => {
    config.channelGroup!.values.Capabilities = capabilities("V2_0");
    config.channelGroup!.groups.Application.values.Capabilities = capabilities("V1_3", "V2_0");
  }));
  assert.deepEqual(future.unsupportedCapabilities, [
    "Channel capability V2_0 is required but not supported",
    "Application capability V2_0 is required but not supported",
  ]);
  assert.throws(() => requireSupportedCapabilities(future), /\[channel mychannel\] incompatible/);
});

Deno.test("illegal channel names are refused", () => {
  const wrong: [string, RegExp][] = [
    ["", /cannot be empty/],
    ["MyChannel", /contains illegal characters/],
    ["my_channel", /contains illegal characters/],
    ["1st", /contains illegal characters/],
    ["a\n", /contains illegal characters/],
    ["a".repeat(250), /cannot be longer than 249/],
  ];
  for (const [name, message] of wrong) {
    assert.throws(() => bundle(channelConfig(), name), message, name);
  }
  assert.equal(bundle(channelConfig(), `a${"-.9".repeat(82)}`).sequence, 1);
});

Deno.test("a later configuration may not drop a section or change an organisation's MSP", () => {
  const now = bundle(channelConfig());
  validateNewBundle(now, bundleOf(goldenBlock(21)));
  const withoutApplication = bundle(changed((config) => {
    delete config.channelGroup!.groups.Application;
  }));
  assert.throws(
    () => validateNewBundle(now, withoutApplication),
    /current config has application section, but new config does not/,
  );
  const swapped = bundle(changed((config) => {
    const { groups } = config.channelGroup!.groups.Application;
    groups.Org1MSP.values.MSP = groups.Org2MSP.values.MSP;
  }));
  assert.throws(
    () => validateNewBundle(now, swapped),
    /application org Org1MSP attempted to change MSP ID from Org1MSP to Org2MSP/,
  );
});
