import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../../tests/support/temporary.ts";
import { endorsingPeers } from "./connection-profile.ts";

const profile = `
channels:
  mychannel:
    peers:
      peer0.org1.example.com: { endorsingPeer: true }
      peer0.org2.example.com: { endorsingPeer: true, chaincodeQuery: false }
      peer1.org2.example.com: { endorsingPeer: false }
  broken:
    peers:
      gone.example.com: { endorsingPeer: true }
  empty:
    peers: {}
peers:
  peer0.org1.example.com:
    url: grpcs://localhost:7051
    tlsCACerts: { path: /tls/org1.pem }
  peer0.org2.example.com:
    url: localhost:8051
  peer1.org2.example.com:
    url: localhost:9051
`;

async function read(content: string, channelId: string) {
  using directory = temporaryDirectory();
  const file = join(directory.path, "profile.yaml");
  writeFileSync(file, content);
  return await endorsingPeers(file, channelId);
}

Deno.test("the endorsing peers of a channel, with their TLS roots", async () => {
  assert.deepEqual(await read(profile, "mychannel"), [
    { address: "grpcs://localhost:7051", tlsRootCertFile: "/tls/org1.pem" },
    { address: "localhost:8051", tlsRootCertFile: "" },
  ]);
  const json = JSON.stringify({
    channels: { c: { peers: { p: { endorsingPeer: true } } } },
    peers: { p: { url: "h:1" } },
  });
  assert.deepEqual(await read(json, "c"), [{ address: "h:1", tlsRootCertFile: "" }]);
});

Deno.test("a profile that says nothing about the channel leaves the peers to others", async () => {
  for (const channel of ["other", "empty", "", "constructor", "__proto__"]) {
    assert.equal(await read(profile, channel), undefined);
  }
  for (const content of ["", "channels: 1", "channels: { c: null }"]) {
    assert.equal(await read(content, "c"), undefined);
  }
});

Deno.test("a peer without an entry of its own is named", async () => {
  await assert.rejects(read(profile, "broken"), {
    code: "bad-connection-profile",
    message: "peer 'gone.example.com' is defined in the channel config but doesn't have " +
      "associated peer config",
  });
  const inherited = "channels: { c: { peers: { constructor: { endorsingPeer: true } } } }";
  await assert.rejects(read(inherited, "c"), /peer 'constructor' is defined/);
});

Deno.test("a file that is not there or not YAML is said so", async () => {
  await assert.rejects(endorsingPeers("/nonexistent/profile.yaml", "c"), {
    code: "bad-connection-profile",
    message: /^error reading connection profile .*: no such file or directory$/,
  });
  for (const content of ["channels: { c: [", "just text", "- a\n- b"]) {
    await assert.rejects(read(content, "c"), { code: "bad-connection-profile" });
  }
});
