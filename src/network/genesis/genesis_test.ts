import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { clone, equals, fromBinary, toBinary } from "@bufbuild/protobuf";
import { DenimError } from "../../base/errors.ts";
import { bundleFromBlock } from "../../channel/bundle.ts";
import { openConfigBlock } from "../../channel/config-block.ts";
import { openConfigUpdate } from "../../channel/config-update.ts";
import { newChannel } from "../../channel/new-channel.ts";
import { createPortableProvider } from "../../crypto/portable.ts";
import {
  type Block,
  BlockSchema,
  ChannelHeaderSchema,
  EnvelopeSchema,
  SignatureHeaderSchema,
} from "../../gen/common/common_pb.ts";
import { ConfigSchema, ConfigUpdateSchema } from "../../gen/common/configtx_pb.ts";
import { loadMspConfig } from "../../msp/load-msp-config.ts";
import { loadSigningIdentity } from "../../msp/signing-identity.ts";
import { blockDataHash } from "../../protocol/block.ts";
import { openEnvelope } from "../../protocol/envelope.ts";
import { computeTxId } from "../../protocol/txid.ts";
import { anchorPeerUpdate, channelCreation, updateEnvelope } from "./channel-update.ts";
import { createdChannelBlock, genesisBlock } from "./genesis-block.ts";
import type { OrganizationProfile, Profile } from "./profile.ts";
import {
  currentCapabilities,
  implicitMetaPolicies,
  ordererOrganizationPolicies,
  peerOrganizationPolicies,
} from "./sample-values.ts";

const golden = fileURLToPath(new URL("../../../tests/testdata/golden/", import.meta.url));
const crypto = `${golden}crypto-config/`;
const provider = createPortableProvider();
const deps = { provider };
const fixedClock = (at: number) => ({ now: () => at });
const clock = fixedClock(1_600_000_000_123);

const artifact = (name: string) => new Uint8Array(readFileSync(`${golden}artifacts/${name}`));
const artifactBlock = (name: string): Block => fromBinary(BlockSchema, artifact(name));

async function peerOrganization(number: 1 | 2): Promise<OrganizationProfile> {
  const mspId = `Org${number}MSP`;
  return {
    name: mspId,
    mspId,
    msp: await loadMspConfig(
      `${crypto}peerOrganizations/org${number}.example.com/msp`,
      mspId,
    ),
    policies: peerOrganizationPolicies(mspId),
    anchorPeers: [{ host: "127.0.0.1", port: number === 1 ? 7051 : 8051 }],
  };
}

/** The values of the recording's configtx.yaml. */
async function recordedProfiles(): Promise<{ system: Profile; channel: Profile }> {
  const organizations = [await peerOrganization(1), await peerOrganization(2)];
  const ordererOrg: OrganizationProfile = {
    name: "OrdererOrg",
    mspId: "OrdererMSP",
    msp: await loadMspConfig(`${crypto}ordererOrganizations/example.com/msp`, "OrdererMSP"),
    policies: ordererOrganizationPolicies("OrdererMSP"),
  };
  const common = { policies: implicitMetaPolicies, capabilities: currentCapabilities.channel };
  return {
    system: {
      ...common,
      orderer: {
        type: "solo",
        addresses: ["127.0.0.1:7050"],
        batchTimeoutMs: 1_000,
        batchSize: {
          maxMessageCount: 50,
          absoluteMaxBytes: 10 * 1024 * 1024,
          preferredMaxBytes: 4 * 1024 * 1024,
        },
        organizations: [ordererOrg],
        capabilities: currentCapabilities.orderer,
      },
      consortiums: { SampleConsortium: organizations },
    },
    channel: {
      ...common,
      consortium: "SampleConsortium",
      application: {
        organizations,
        policies: implicitMetaPolicies,
        capabilities: currentCapabilities.application,
      },
    },
  };
}

const admin = (org: 1 | 2) =>
  loadSigningIdentity(
    `${crypto}peerOrganizations/org${org}.example.com/users/Admin@org${org}.example.com/msp`,
    `Org${org}MSP`,
    provider,
  );
const orderer = () =>
  loadSigningIdentity(
    `${crypto}ordererOrganizations/example.com/orderers/orderer.example.com/msp`,
    "OrdererMSP",
    provider,
  );

Deno.test("the recorded genesis block comes out of the recorded configtx values", async () => {
  const { system } = await recordedProfiles();
  const recorded = artifactBlock("genesis.block");
  const made = genesisBlock("syschannel", system, { clock });
  const madeConfig = openConfigBlock(made);
  const recordedConfig = openConfigBlock(recorded);
  assert.ok(
    equals(ConfigSchema, madeConfig.configEnvelope.config, recordedConfig.configEnvelope.config),
  );
  // All but time, nonce and what follows from them.
  const header = clone(ChannelHeaderSchema, madeConfig.channelHeader);
  header.timestamp = recordedConfig.channelHeader.timestamp;
  header.txId = recordedConfig.channelHeader.txId;
  assert.deepEqual(header, recordedConfig.channelHeader);
  assert.deepEqual(made.metadata, recorded.metadata);
  assert.equal(made.header?.number, 0n);
  assert.deepEqual(made.header?.previousHash, recorded.header?.previousHash);
  assert.deepEqual(made.header?.dataHash, blockDataHash(made.data?.data ?? []));
});

Deno.test("with the recorded time and nonce it is the recorded configuration transaction", async () => {
  const { system } = await recordedProfiles();
  const recorded = openEnvelopeOf(artifactBlock("genesis.block"));
  const { nonce } = recorded.signatureHeader;
  const at = Number(recorded.channelHeader.timestamp?.seconds) * 1000;
  const made = openEnvelopeOf(
    genesisBlock("syschannel", system, { clock: fixedClock(at), nonce }),
  );
  assert.deepEqual(made.header, recorded.header);
  assert.equal(made.channelHeader.txId, computeTxId(nonce, new Uint8Array(0)));
  assert.deepEqual(made.envelope.signature, recorded.envelope.signature);
});

Deno.test("the recorded channel creation comes out of the recorded configtx values", async () => {
  const { channel } = await recordedProfiles();
  const recorded = fromBinary(EnvelopeSchema, artifact("mychannel.tx"));
  const made = channelCreation("mychannel", channel, { clock });
  const update = (envelope: typeof made) =>
    fromBinary(ConfigUpdateSchema, openConfigUpdate(envelope).configUpdate);
  assert.ok(equals(ConfigUpdateSchema, update(made), update(recorded)));
  const [mine, theirs] = [openEnvelope(made), openEnvelope(recorded)];
  assert.deepEqual(mine.signatureHeader, theirs.signatureHeader);
  assert.equal(toBinary(SignatureHeaderSchema, mine.signatureHeader).length, 0);
  mine.channelHeader.timestamp = theirs.channelHeader.timestamp;
  assert.deepEqual(mine.channelHeader, theirs.channelHeader);
  assert.equal(made.signature.length, 0);
});

Deno.test("system channel and channel creation make the recorded channel's first configuration", async () => {
  const { system, channel } = await recordedProfiles();
  const systemBundle = bundleFromBlock(genesisBlock("syschannel", system, { clock }), deps);
  const creation = channelCreation("mychannel", channel, { clock, signers: [admin(1)] });
  const { channelId, configEnvelope } = newChannel(systemBundle, creation, deps);
  const block = createdChannelBlock(channelId, configEnvelope, orderer(), { clock });
  const recorded = artifactBlock("mychannel.block");
  assert.ok(
    equals(
      ConfigSchema,
      openConfigBlock(block).configEnvelope.config,
      openConfigBlock(recorded).configEnvelope.config,
    ),
  );
  assert.deepEqual(block.metadata, recorded.metadata);
  assert.equal(bundleFromBlock(block, deps).sequence, 1);
});

Deno.test("the recorded creation, signed as it was, makes the recorded channel", () => {
  const systemBundle = bundleFromBlock(artifactBlock("genesis.block"), deps);
  const { configEnvelope } = openConfigBlock(artifactBlock("mychannel.block"));
  assert.ok(configEnvelope.lastUpdate);
  const made = newChannel(systemBundle, configEnvelope.lastUpdate, deps);
  assert.ok(equals(ConfigSchema, made.configEnvelope.config!, configEnvelope.config));
});

Deno.test("creations that the consortium does not allow are refused", async () => {
  const { system, channel } = await recordedProfiles();
  const systemBundle = bundleFromBlock(genesisBlock("syschannel", system, { clock }), deps);
  const attempt = (profile: Profile, signers = [admin(1)], id = "mychannel") => () =>
    newChannel(systemBundle, channelCreation(id, profile, { clock, signers }), deps);
  assert.throws(
    attempt(channel, []),
    /policy for \[Group\] {2}\/Channel\/Application not satisfied/,
  );
  assert.throws(
    attempt({ ...channel, consortium: "Other" }),
    /^DenimError: Unknown consortium name: Other$/,
  );
  const stranger = { ...channel.application!.organizations[0], name: "Stranger" };
  assert.throws(
    attempt({ ...channel, application: { ...channel.application!, organizations: [stranger] } }),
    /Attempted to include a member which is not in the consortium/,
  );
  assert.throws(
    attempt({ ...channel, application: { ...channel.application!, organizations: [] } }),
    /no application group members, but consortium contains members/,
  );
  assert.throws(attempt(channel, [admin(1)], "My_Channel"), /contains illegal characters/);
  const applicationBundle = bundleFromBlock(artifactBlock("mychannel.block"), deps);
  assert.throws(
    () => newChannel(applicationBundle, channelCreation("c", channel, { clock }), deps),
    /does not appear to support creating channels/,
  );
});

Deno.test("an anchor peer update is accepted once, from the organisation's admin", async () => {
  const bundle = bundleFromBlock(artifactBlock("mychannel.block"), deps);
  const organization = await peerOrganization(1);
  const update = anchorPeerUpdate("mychannel", organization);
  const propose = (signer: ReturnType<typeof admin>) =>
    bundle.configTxValidator.proposeConfigUpdate(
      updateEnvelope(update, { clock, signers: [signer] }),
    );
  const { config } = propose(admin(1));
  const recorded = openConfigBlock(
    fromBinary(BlockSchema, new Uint8Array(readFileSync(`${golden}blocks/0001.block`))),
  );
  assert.ok(equals(ConfigSchema, config!, recorded.configEnvelope.config));
  assert.throws(() => propose(admin(2)), /not satisfied/);
});

Deno.test("a channel with its own ordering service needs no system channel", async () => {
  const { system, channel } = await recordedProfiles();
  const { consortium: _, ...application } = channel;
  const block = genesisBlock("alone", { ...application, orderer: system.orderer }, { clock });
  const bundle = bundleFromBlock(block, deps);
  assert.equal(bundle.sequence, 0);
  assert.deepEqual(bundle.applicationOrgs.map((org) => org.anchorPeers.length), [1, 1]);
  assert.deepEqual(bundle.ordererAddresses, ["127.0.0.1:7050"]);
});

Deno.test("policies that do not parse and unknown orderer types are named", async () => {
  const { system } = await recordedProfiles();
  const wrong: [Profile, RegExp][] = [
    [
      { ...system, policies: { Readers: { type: "ImplicitMeta", rule: "SOME Readers" } } },
      /invalid implicit meta policy rule 'SOME Readers' of policy Readers/,
    ],
    [
      { ...system, policies: { Readers: { type: "Signature", rule: "OR(" } } },
      /invalid signature policy rule 'OR\(' of policy Readers/,
    ],
    [
      { ...system, orderer: { ...system.orderer!, type: "pow" } },
      /unknown orderer type: pow/,
    ],
  ];
  for (const [profile, reason] of wrong) {
    assert.throws(
      () => genesisBlock("c", profile, { clock }),
      (error) => error instanceof DenimError && reason.test(error.message),
    );
  }
});

function openEnvelopeOf(block: Block) {
  return openEnvelope(fromBinary(EnvelopeSchema, block.data?.data[0] ?? new Uint8Array(0)));
}
