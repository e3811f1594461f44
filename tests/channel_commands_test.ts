/** The channel commands against a running orderer and peer: create, join, fetch, update, getinfo. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { systemClock } from "../src/base/clock.ts";
import { bundleFromBlock } from "../src/channel/bundle.ts";
import { createEcdsaProvider } from "../src/crypto/provider.ts";
import { BlockSchema, EnvelopeSchema } from "../src/gen/common/common_pb.ts";
import { loadMspConfig } from "../src/msp/load-msp-config.ts";
import {
  anchorPeerUpdate,
  channelCreation,
  updateEnvelope,
} from "../src/network/genesis/channel-update.ts";
import { channelProfile } from "../src/network/network-profile.ts";
import { Workplace } from "./support/denim.ts";

const provider = createEcdsaProvider();

/** Waits until the peer has committed so many blocks. */
async function untilHeight(work: Workplace, channelId: string, height: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const info = await work.ok(["channel", "getinfo", "-c", channelId]);
    if (info.includes(`"height":${height},`)) return;
  }
  throw new Error(`${channelId} did not reach height ${height}`);
}

Deno.test("a channel is created, joined, read and updated with the commands of peer", async (t) => {
  await using work = new Workplace();
  await work.up("--runtime", "process");
  const { ordererAddress, ordererTlsRootCertFile } = work.network();
  const orderer = ["-o", ordererAddress, "--tls", "--cafile", ordererTlsRootCertFile];
  const mspPath = join(
    work.directory,
    ".denim/crypto-config/peerOrganizations/org1.example.com/msp",
  );
  const organization = {
    name: "Org1MSP",
    mspId: "Org1MSP",
    msp: await loadMspConfig(mspPath, "Org1MSP"),
    anchorPeers: [{ host: "localhost", port: 7051 }],
  };
  const write = (name: string, bytes: Uint8Array) =>
    Deno.writeFileSync(join(work.directory, name), bytes);

  await t.step("create writes the first block of the new channel", async () => {
    const creation = channelCreation(
      "second",
      channelProfile([{
        ...organization,
        anchorPeers: [],
      }]),
      { clock: systemClock },
    );
    write("second.tx", toBinary(EnvelopeSchema, creation));
    const { code, out, err } = await work.run(
      ["channel", "create", "-c", "second", "-f", "second.tx", ...orderer],
    );
    assert.equal(code, 0, err);
    assert.equal(out, "");
    assert.match(err, /\[cli\.common\] .*Received block: 0/);
    const block = fromBinary(BlockSchema, Deno.readFileSync(join(work.directory, "second.block")));
    assert.equal(bundleFromBlock(block, { provider }).channelId, "second");
  });
  await t.step("the same channel cannot be created twice", async () => {
    const { code, err } = await work.run(
      ["channel", "create", "-c", "second", "-f", "second.tx", ...orderer],
    );
    assert.equal(code, 1);
    assert.match(err, /Error: got unexpected status: (BAD_REQUEST|FORBIDDEN) -- /);
  });
  await t.step("join, list and getinfo", async () => {
    const { code, err } = await work.run(["channel", "join", "-b", "second.block"]);
    assert.equal(code, 0, err);
    assert.match(err, /Successfully submitted proposal to join channel/);
    const list = await work.ok(["channel", "list"]);
    assert.equal(list, "Channels peers has joined: \nmychannel\nsecond\n");
    await untilHeight(work, "second", 1);
    const again = await work.run(["channel", "join", "-b", "second.block"]);
    assert.equal(again.code, 1);
    assert.match(again.err, /proposal failed \(err: bad proposal response 500: .*already exists/);
  });
  await t.step("an update is signed, sent, committed and in force", async () => {
    const update = updateEnvelope(anchorPeerUpdate("second", organization), { clock: systemClock });
    write("anchor.tx", toBinary(EnvelopeSchema, update));
    const before = Deno.statSync(join(work.directory, "anchor.tx")).size;
    await work.ok(["channel", "signconfigtx", "-f", "anchor.tx"]);
    assert.ok(Deno.statSync(join(work.directory, "anchor.tx")).size > before);
    const { code, err } = await work.run(
      ["channel", "update", "-c", "second", "-f", "anchor.tx", ...orderer],
    );
    assert.equal(code, 0, err);
    assert.match(err, /Successfully submitted channel update/);
    await untilHeight(work, "second", 2);
    await work.ok(["channel", "fetch", "config", "-c", "second", "config.block"]);
    const config = fromBinary(BlockSchema, Deno.readFileSync(join(work.directory, "config.block")));
    assert.equal(config.header?.number, 1n);
    const { applicationOrgs } = bundleFromBlock(config, { provider });
    assert.deepEqual(applicationOrgs[0].anchorPeers, [{ host: "localhost", port: 7051 }]);
  });
  await t.step("blocks that may not be read are refused with Fabric's words", async () => {
    const unknown = await work.run(["channel", "fetch", "0", "-c", "nowhere", "x.block"]);
    assert.equal(unknown.code, 1);
    assert.match(unknown.err, /^Error: can't read the block: &\{NOT_FOUND\}/m);
    const wrong = await work.run(["channel", "fetch", "often", "-c", "second", "x.block"]);
    assert.match(wrong.err, /fetch target illegal: often/);
  });
});
