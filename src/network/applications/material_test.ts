import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { systemClock } from "../../base/clock.ts";
import { endorsingPeers } from "../../client/connection-profile.ts";
import { enroll } from "../enroll.ts";
import type { NetworkLayout } from "../layout.ts";
import { withKeys } from "../testing.ts";
import { writeMaterial } from "./material.ts";

function json(layout: NetworkLayout, org: number, file: string) {
  return JSON.parse(readFileSync(join(layout.organizations[org].applicationsPath, file), "utf8"));
}

const person = { type: "client", affiliation: "", attributes: [], clock: systemClock };

Deno.test("every organisation gets profiles in JSON and YAML with the same content", async () => {
  await withKeys(2, async (layout) => {
    await writeMaterial(layout, "mychannel");
    for (const [i, { applicationsPath, mspId }] of layout.organizations.entries()) {
      for (const name of ["connection", "gateway"]) {
        const yaml = parse(readFileSync(join(applicationsPath, `${name}.yaml`), "utf8"));
        assert.deepEqual(yaml, json(layout, i, `${name}.json`));
      }
      assert.equal(json(layout, i, "connection.json").client.organization, mspId.slice(0, 4));
    }
    const profile = json(layout, 0, "connection.json");
    assert.equal(profile.version, "1.0.0");
    assert.deepEqual(profile.channels.mychannel.orderers, ["orderer.example.com"]);
    assert.equal(profile.orderers["orderer.example.com"].url, "grpcs://localhost:7050");
    for (const [i, org] of layout.organizations.entries()) {
      const peer = profile.peers[`peer0.org${i + 1}.example.com`];
      assert.equal(peer.url, `grpcs://localhost:${7051 + i * 1000}`);
      assert.equal(peer.tlsCACerts.pem, readFileSync(org.tlsRootCertFile, "utf8"));
      assert.deepEqual(profile.organizations[`Org${i + 1}`], {
        mspid: org.mspId,
        peers: [org.peerHost],
      });
    }
  });
});

Deno.test("the command line reads the profile too", async () => {
  await withKeys(2, async (layout) => {
    await writeMaterial(layout, "mychannel");
    const { applicationsPath } = layout.organizations[1];
    const peers = await endorsingPeers(join(applicationsPath, "connection.yaml"), "mychannel");
    assert.deepEqual(peers?.map(({ tlsRootCertFile }) => tlsRootCertFile), [
      layout.organizations[0].tlsRootCertFile,
      layout.organizations[1].tlsRootCertFile,
    ]);
  });
});

Deno.test("everything that is named exists, and private keys are their owner's only", async () => {
  await withKeys(1, async (layout) => {
    enroll(layout, { ...person, name: "alice", mspId: "Org1MSP" });
    await writeMaterial(layout, "mychannel");
    const { applicationsPath } = layout.organizations[0];
    const gateway = json(layout, 0, "gateway.json");
    assert.deepEqual(Object.keys(gateway.identities), ["admin", "alice", "user1"]);
    assert.equal(gateway.peerEndpoint, "localhost:7051");
    assert.match(readFileSync(gateway.tlsCertPath, "utf8"), /BEGIN CERTIFICATE/);
    for (
      const { certPath, keyPath, mspPath } of Object.values<Record<string, string>>(
        gateway.identities,
      )
    ) {
      assert.match(readFileSync(certPath, "utf8"), /BEGIN CERTIFICATE/);
      assert.match(readFileSync(keyPath, "utf8"), /BEGIN PRIVATE KEY/);
      assert.ok(readdirSync(mspPath).includes("keystore"));
    }
    let secrets = 0;
    for (const entry of readdirSync(applicationsPath, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = join(entry.parentPath, entry.name);
      const isSecret = /PRIVATE KEY/.test(readFileSync(file, "utf8"));
      if (isSecret) secrets++;
      if (isSecret) assert.equal(statSync(file).mode & 0o777, 0o600, file);
    }
    assert.equal(secrets, 9); // three people: PEM, wallet, 1.4 wallet
    assert.match(
      readFileSync(join(applicationsPath, "env.sh"), "utf8"),
      /^export CORE_PEER_LOCALMSPID='Org1MSP'$/m,
    );
  });
});

Deno.test("wallets keep what applications add, and lost files come back", async () => {
  await withKeys(1, async (layout) => {
    await writeMaterial(layout, "mychannel");
    const { applicationsPath } = layout.organizations[0];
    const wallet = join(applicationsPath, "wallet");
    const before = readFileSync(join(wallet, "user1.id"), "utf8");
    Deno.writeTextFileSync(join(wallet, "mine.id"), "{}");
    rmSync(join(wallet, "user1.id"));
    await writeMaterial(layout, "mychannel");
    assert.equal(readFileSync(join(wallet, "user1.id"), "utf8"), before);
    assert.deepEqual(readdirSync(wallet).toSorted(), ["admin.id", "mine.id", "user1.id"]);
  });
});

Deno.test("a place that cannot be written is named", async () => {
  await withKeys(1, async (layout) => {
    const { applicationsPath } = layout.organizations[0];
    mkdirSync(join(applicationsPath, "gateway.json", "in the way"), { recursive: true });
    await assert.rejects(writeMaterial(layout, "mychannel"), {
      code: "material-not-written",
      message: /gateway\.json could not be written/,
    });
  });
});
