/** `--connectionProfile`: the peers that a profile names, for the commands that have a channel. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { assetExample, Workplace } from "./support/denim.ts";

Deno.test("a connection profile names the endorsing peers; install, which has no channel, takes it and the configured peer", async () => {
  await using work = new Workplace();
  await work.up("--runtime", "process", "--orgs", "2");
  const { organizations } = work.network();
  const certificate = (index: number) =>
    join(
      work.directory,
      ".denim/crypto-config/peerOrganizations",
      `org${index + 1}.example.com/peers/peer0.org${index + 1}.example.com/tls/ca.crt`,
    );
  const profile = join(work.directory, "profile.yaml");
  writeFileSync(
    profile,
    `
channels:
  mychannel:
    peers:
${organizations.map((_, i) => `      peer${i}: { endorsingPeer: true }`).join("\n")}
      observer: { endorsingPeer: false }
peers:
${
      organizations.map(({ peerAddress }, i) =>
        `  peer${i}:\n    url: grpcs://${peerAddress}\n    tlsCACerts: { path: ${certificate(i)} }`
      ).join("\n")
    }
`,
  );
  const withProfile = ["--connectionProfile", profile];
  for (const { mspId } of organizations) {
    const environment = { CORE_PEER_LOCALMSPID: mspId };
    const install = ["chaincode", "install", "-l", "node", "-n", "asset", "-v", "1.0"];
    await work.ok([...install, "-p", assetExample, ...withProfile], { environment });
    // On its own peer, although the profile names another one first.
    const listed = await work.ok(["chaincode", "list", "--installed"], { environment });
    assert.match(listed, /Name: asset, Version: 1\.0/);
  }
  const channel = ["-C", "mychannel", "-n", "asset"];
  await work.ok([
    ...["chaincode", "instantiate", ...channel, "-v", "1.0", "-c", '{"Args":["init"]}'],
    ...["-P", "AND('Org1MSP.member','Org2MSP.member')"],
  ]);
  for (const deadline = Date.now() + 60_000;;) {
    const all = await work.ok(["chaincode", "list", "--instantiated", "-C", "mychannel"]);
    if (all.includes("Name: asset")) break;
    assert(Date.now() < deadline, "it was not committed");
  }
  // Both organisations endorse: by the profile alone.
  await work.ok([
    ...["chaincode", "invoke", ...channel, ...withProfile, "--waitForEvent"],
    ...["-c", '{"Args":["create","a","ann","5"]}'],
  ]);
  const query = ["chaincode", "query", ...channel, "-c", '{"Args":["read","a"]}'];
  assert.match(await work.ok(query), /"owner":"ann"/);
  const several = await work.run([...query, ...withProfile]);
  assert.equal(several.code, 1);
  assert.match(several.err, /'query' command can only be executed against one peer\. received 2/);
});
