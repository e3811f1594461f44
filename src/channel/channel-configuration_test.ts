import assert from "node:assert/strict";
import { clone, create, toBinary } from "@bufbuild/protobuf";
import { BlockMetadataIndex } from "../gen/common/common_pb.ts";
import { CapabilitiesSchema } from "../gen/common/configuration_pb.ts";
import { ConfigEnvelopeSchema, ConfigSchema } from "../gen/common/configtx_pb.ts";
import { setMetadataSlot } from "../protocol/block.ts";
import { ChannelConfiguration, IncompatiblePeerError } from "./channel-configuration.ts";
import { bundleOf, goldenBlock, provider, signedUpdate, signerOf } from "./channel_testkit.ts";
import { computeConfigUpdate } from "./compute-update.ts";
import { openConfigBlock } from "./config-block.ts";

Deno.test("the recorded blocks change the configuration at their config blocks, in order", () => {
  const configuration = new ChannelConfiguration(bundleOf(goldenBlock(0)), { provider });
  const seen: number[] = [];
  const stop = configuration.onChange((bundle) => seen.push(bundle.sequence));
  for (let number = 1; number <= 27; number++) {
    const block = goldenBlock(number);
    if ([1, 2, 21].includes(number)) configuration.validate(openConfigBlock(block).configEnvelope);
    configuration.commit(block);
  }
  stop();
  assert.deepEqual(seen, [2, 3, 4]);
  assert.equal(configuration.bundle().acls.size, 1);
});

Deno.test("a refused configuration changes nothing", () => {
  const configuration = new ChannelConfiguration(bundleOf(goldenBlock(0)), { provider });
  assert.throws(() => configuration.commit(goldenBlock(2)), /currently at sequence 1/);
  const { configEnvelope } = openConfigBlock(goldenBlock(1));
  const forged = clone(ConfigEnvelopeSchema, configEnvelope);
  forged.config!.channelGroup!.modPolicy = "Writers";
  assert.throws(() => configuration.validate(forged), /did not produce the supplied config/);
  assert.equal(configuration.bundle().sequence, 1);
});

Deno.test("the block a configuration was opened with may be committed again", () => {
  const configuration = new ChannelConfiguration(bundleOf(goldenBlock(1)), { provider });
  assert.equal(configuration.commit(goldenBlock(1)), undefined);
  assert.equal(configuration.commit(goldenBlock(2))?.sequence, 3);
});

Deno.test("a config block that was flagged invalid changes nothing", () => {
  const configuration = new ChannelConfiguration(bundleOf(goldenBlock(0)), { provider });
  const block = goldenBlock(1);
  setMetadataSlot(block, BlockMetadataIndex.TRANSACTIONS_FILTER, Uint8Array.of(10));
  assert.equal(configuration.commit(block), undefined);
  assert.equal(configuration.bundle().sequence, 1);
});

Deno.test("a right configuration that asks for more than this peer can is no verdict but a stop", () => {
  const initial = bundleOf(goldenBlock(0));
  const configuration = new ChannelConfiguration(initial, { provider });
  const future = clone(ConfigSchema, initial.config);
  future.channelGroup!.groups.Application.values.Capabilities.value = toBinary(
    CapabilitiesSchema,
    create(CapabilitiesSchema, { capabilities: { V2_0: {} } }),
  );
  const update = computeConfigUpdate("mychannel", initial.config, future);
  const envelope = initial.configTxValidator.proposeConfigUpdate(
    signedUpdate("mychannel", update, [
      signerOf("Org1MSP", "Admin@org1.example.com"),
      signerOf("Org2MSP", "Admin@org2.example.com"),
    ]),
  );
  assert.throws(
    () => configuration.validate(envelope),
    (error) =>
      error instanceof IncompatiblePeerError &&
      /Application capability V2_0 is required but not supported/.test(error.message),
  );
});
