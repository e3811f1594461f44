import assert from "node:assert/strict";
import { clone, create, equals, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { DenimError } from "../base/errors.ts";
import {
  type Config,
  ConfigEnvelopeSchema,
  ConfigGroupSchema$,
  ConfigSchema,
  type ConfigUpdate,
  ConfigUpdateSchema,
  ConfigValueSchema$,
} from "../gen/common/configtx_pb.ts";
import { BatchTimeoutSchema } from "../gen/orderer/configuration_pb.ts";
import { artifactBlock, bundleOf, goldenBlock, signedUpdate, signerOf } from "./channel_testkit.ts";
import { computeConfigUpdate } from "./compute-update.ts";
import { openConfigBlock } from "./config-block.ts";
import { createBundle } from "./bundle.ts";
import { provider } from "./channel_testkit.ts";

const configBlocks = [0, 1, 2, 21];
const org1Admin = () => signerOf("Org1MSP", "Admin@org1.example.com");
const org2Admin = () => signerOf("Org2MSP", "Admin@org2.example.com");
const ordererAdmin = () => signerOf("OrdererMSP", "Admin@example.com");
const org1User = () => signerOf("Org1MSP", "User1@org1.example.com");

const current = () => bundleOf(artifactBlock("mychannel.block"));

function edited(change: (config: Config) => void): ConfigUpdate {
  const config = clone(ConfigSchema, current().config);
  change(config);
  return computeConfigUpdate("mychannel", current().config, config);
}

const longerTimeout = (config: Config) => {
  config.channelGroup!.groups.Orderer.values.BatchTimeout.value = toBinary(
    BatchTimeoutSchema,
    create(BatchTimeoutSchema, { timeout: "7s" }),
  );
};

Deno.test("every recorded config block follows from its predecessor and applies", () => {
  for (let i = 1; i < configBlocks.length; i++) {
    const { configTxValidator } = bundleOf(goldenBlock(configBlocks[i - 1]));
    const { configEnvelope } = openConfigBlock(goldenBlock(configBlocks[i]));
    configTxValidator.validate(configEnvelope);
    assert.ok(configEnvelope.lastUpdate);
    const proposed = configTxValidator.proposeConfigUpdate(configEnvelope.lastUpdate);
    assert.ok(equals(ConfigSchema, proposed.config!, configEnvelope.config));
  }
});

Deno.test("a recorded config block is refused after any other block than its predecessor", () => {
  const { configTxValidator } = bundleOf(goldenBlock(1));
  const { configEnvelope } = openConfigBlock(goldenBlock(1));
  assert.throws(
    () => configTxValidator.validate(configEnvelope),
    /^DenimError: config currently at sequence 2, cannot validate config at sequence 2$/,
  );
  assert.throws(
    () => configTxValidator.proposeConfigUpdate(configEnvelope.lastUpdate!),
    /error authorizing update: error validating (ReadSet|DeltaSet): .* version/,
  );
});

Deno.test("a configuration that its own update does not produce is refused", () => {
  const { configTxValidator } = bundleOf(goldenBlock(0));
  const { configEnvelope } = openConfigBlock(goldenBlock(1));
  const forged = clone(ConfigEnvelopeSchema, configEnvelope);
  forged.config!.channelGroup!.groups.Orderer.values.BatchTimeout.version = 9n;
  assert.throws(
    () => configTxValidator.validate(forged),
    /ConfigEnvelope LastUpdate did not produce the supplied config result/,
  );
  const grown = clone(ConfigEnvelopeSchema, configEnvelope);
  grown.config!.channelGroup!.groups.Application.groups.Evil = create(ConfigGroupSchema$);
  assert.throws(() => configTxValidator.validate(grown), /did not produce/);
});

Deno.test("an update with the signatures its mod_policy wants applies, one version up", () => {
  const proposed = current().configTxValidator.proposeConfigUpdate(
    signedUpdate("mychannel", edited(longerTimeout), [ordererAdmin()]),
  );
  assert.equal(proposed.config!.sequence, 2n);
  assert.equal(proposed.config!.channelGroup!.groups.Orderer.values.BatchTimeout.version, 1n);
  const next = createBundle("mychannel", proposed.config!, { provider });
  assert.equal(next.orderer?.batchTimeoutMs, 7_000);
  current().configTxValidator.validate(proposed);
});

Deno.test("an update without them is refused: others' admins, plain users, nobody, broken signatures", () => {
  const update = edited(longerTimeout);
  const { configTxValidator } = current();
  const refusal =
    /^error authorizing update: error validating DeltaSet: policy for \[Value\] {2}\/Channel\/Orderer\/BatchTimeout not satisfied: /;
  for (const signers of [[], [org1Admin(), org2Admin()], [org1User()]]) {
    assert.throws(
      () => configTxValidator.proposeConfigUpdate(signedUpdate("mychannel", update, signers)),
      (error) => error instanceof DenimError && refusal.test(error.message),
    );
  }
  const admin = ordererAdmin();
  const broken = { ...admin, sign: (message: Uint8Array) => admin.sign(message.slice(1)) };
  assert.throws(
    () => configTxValidator.proposeConfigUpdate(signedUpdate("mychannel", update, [broken])),
    (error) => error instanceof DenimError && refusal.test(error.message),
  );
});

Deno.test("a majority of admins decides about the members, and one is not a majority", () => {
  const update = edited((config) => {
    delete config.channelGroup!.groups.Application.groups.Org2MSP;
  });
  const { configTxValidator } = current();
  assert.throws(
    () => configTxValidator.proposeConfigUpdate(signedUpdate("mychannel", update, [org1Admin()])),
    /policy for \[Group\] {2}\/Channel\/Application not satisfied/,
  );
  // The same admin twice is still one.
  assert.throws(
    () =>
      configTxValidator.proposeConfigUpdate(
        signedUpdate("mychannel", update, [org1Admin(), org1Admin()]),
      ),
    /not satisfied/,
  );
  const { config } = configTxValidator.proposeConfigUpdate(
    signedUpdate("mychannel", update, [org1Admin(), org2Admin()]),
  );
  assert.deepEqual(Object.keys(config!.channelGroup!.groups.Application.groups), ["Org1MSP"]);
  assert.equal(config!.channelGroup!.groups.Application.version, 2n);
});

Deno.test("updates that do not fit are refused in Fabric's words", () => {
  const { configTxValidator } = current();
  const propose = (change: (update: ConfigUpdate) => void, base = edited(longerTimeout)) => {
    change(base);
    return () =>
      configTxValidator.proposeConfigUpdate(signedUpdate("mychannel", base, [ordererAdmin()]));
  };
  const text = (message: string) => (error: unknown) => {
    assert.ok(error instanceof DenimError);
    assert.equal(error.message, message);
    return true;
  };
  assert.throws(
    propose((update) => update.channelId = "other"),
    text(
      "error authorizing update: ConfigUpdate for channel 'other' but envelope for channel " +
        "'mychannel'",
    ),
  );
  assert.throws(
    propose((update) => update.readSet!.version = 3n),
    text(
      "error authorizing update: error validating ReadSet: proposed update requires that key " +
        "[Group]  /Channel be at version 3, but it is currently at version 0",
    ),
  );
  assert.throws(
    propose((update) => update.readSet!.groups.Ghost = create(ConfigGroupSchema$)),
    text(
      "error authorizing update: error validating ReadSet: existing config does not contain " +
        "element for [Group]  /Channel/Ghost but was in the read set",
    ),
  );
  assert.throws(
    propose((update) => update.writeSet = update.readSet),
    text(
      "error authorizing update: error validating DeltaSet: delta set was empty -- update would " +
        "have no effect",
    ),
  );
  assert.throws(
    propose((update) => update.writeSet!.groups.Orderer.values.BatchTimeout.version = 2n),
    text(
      "error authorizing update: error validating DeltaSet: attempt to set key [Value]  " +
        "/Channel/Orderer/BatchTimeout to version 2, but key is at version 0",
    ),
  );
  assert.throws(
    propose((update) => update.writeSet!.groups.Orderer.values.BatchTimeout.modPolicy = ""),
    text(
      "error authorizing update: error validating DeltaSet: invalid mod_policy for element " +
        "[Value]  /Channel/Orderer/BatchTimeout: mod_policy not set",
    ),
  );
  assert.throws(
    propose((update) =>
      update.writeSet!.groups.Orderer.values.New = create(ConfigValueSchema$, {
        version: 1n,
        modPolicy: "Admins",
      })
    ),
    /attempted to set key \[Value\] {2}\/Channel\/Orderer\/New to version 1, but key does not exist/,
  );
  assert.throws(
    propose((update) => update.writeSet!.groups["no/slash"] = create(ConfigGroupSchema$)),
    text(
      "error authorizing update: error mapping WriteSet: Illegal characters in key: [Group]  ",
    ),
  );
});

Deno.test("names that mean something to JavaScript are names like others, and illegal", () => {
  const update = edited(longerTimeout);
  Object.defineProperty(update.writeSet!.groups, "__proto__", {
    value: create(ConfigGroupSchema$, { modPolicy: "Admins" }),
    enumerable: true,
  });
  assert.throws(
    () =>
      current().configTxValidator.proposeConfigUpdate(
        signedUpdate("mychannel", update, [ordererAdmin()]),
      ),
    /error mapping WriteSet: Illegal characters in key: \[Group\]/,
  );
  const inherited: string = "constructor";
  const readable = edited((config) => {
    config.channelGroup!.groups.Orderer.groups[inherited] = create(
      ConfigGroupSchema$,
      {
        modPolicy: "Admins",
      },
    );
  });
  assert.throws(
    () => current().configTxValidator.proposeConfigUpdate(signedUpdate("mychannel", readable, [])),
    /policy for \[Group\] {2}\/Channel\/Orderer not satisfied/,
  );
});

Deno.test("an unchanged configuration has no update", () => {
  assert.throws(
    () => edited(() => {}),
    /no differences detected between original and updated config/,
  );
  assert.throws(
    () => computeConfigUpdate("c", create(ConfigSchema), current().config),
    /no channel group included for original config/,
  );
});

Deno.test("the computed update of the recorded steps is the recorded update's effect", () => {
  for (let i = 1; i < configBlocks.length; i++) {
    const before = bundleOf(goldenBlock(configBlocks[i - 1]));
    const after = bundleOf(goldenBlock(configBlocks[i]));
    const update = computeConfigUpdate("mychannel", before.config, after.config);
    const envelope = signedUpdate("mychannel", update, [org1Admin(), org2Admin(), ordererAdmin()]);
    const { config } = before.configTxValidator.proposeConfigUpdate(envelope);
    assert.ok(equals(ConfigSchema, config!, after.config), `block ${configBlocks[i]}`);
  }
});

Deno.test("mutated update bytes are refused or applied, never a crash", () => {
  const { configTxValidator } = current();
  const bytes = toBinary(ConfigUpdateSchema, edited(longerTimeout));
  const envelope = signedUpdate("mychannel", edited(longerTimeout), [ordererAdmin()]);
  fc.assert(
    fc.property(
      fc.nat(envelope.payload.length - 1),
      fc.integer({ min: 0, max: 255 }),
      fc.nat(bytes.length),
      (at, byte, cut) => {
        for (const payload of [envelope.payload.slice(), envelope.payload.slice(0, cut)]) {
          if (at < payload.length) payload[at] = byte;
          try {
            configTxValidator.proposeConfigUpdate({ ...envelope, payload });
          } catch (error) {
            assert.ok(error instanceof DenimError, String(error));
          }
        }
      },
    ),
    { numRuns: 150 },
  );
});
