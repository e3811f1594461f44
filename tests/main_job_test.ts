/** The main job as a user does it: network up, install, instantiate, invoke, query, upgrade, down. */
import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { dockerTest, dockerVariables } from "./support/docker.ts";
import { assetExample, repository, Workplace } from "./support/denim.ts";

const install = (version: string) => [
  ...["chaincode", "install", "-l", "node", "-n", "asset"],
  ...["-v", version, "-p", assetExample],
];
const deploy = (kind: string, version: string, ...more: string[]) => [
  ...["chaincode", kind, "-C", "mychannel", "-n", "asset", "-v", version],
  ...["-c", '{"Args":["init"]}', ...more],
];
const invoke = (args: string[], ...more: string[]) => [
  ...["chaincode", "invoke", "-C", "mychannel", "-n", "asset"],
  ...["-c", JSON.stringify({ Args: args }), "--waitForEvent", ...more],
];
const query = (args: string[], ...more: string[]) => [
  ...["chaincode", "query", "-C", "mychannel", "-n", "asset"],
  ...["-c", JSON.stringify({ Args: args }), ...more],
];

/** Waits for the commit of a deployment, which the command does not. */
async function instantiated(work: Workplace, version: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const list = await work.ok(["chaincode", "list", "--instantiated", "-C", "mychannel"]);
    if (list.includes(`Name: asset, Version: ${version},`)) return;
  }
  throw new Error(`asset ${version} was not committed`);
}

Deno.test("demo tells the whole story, each step with its duration, and ends with 0", async () => {
  await using work = new Workplace();
  const { code, out, err } = await work.run(["demo", "--runtime", "process"]);
  assert.equal(code, 0, err);
  for (
    const step of [
      /^ +\d+ ms {2}network up/m,
      /chaincode runtime: local processes, as configured/,
      /^ +\d+ ms {2}install asset 1\.0/m,
      /^ +\d+ ms {2}instantiate asset 1\.0/m,
      /^ +\d+ ms {2}query read asset1: \{"id":"asset1","owner":"alice","value":100\}/m,
      /^ +\d+ ms {2}upgrade to asset 2\.0/m,
      /^ +\d+ ms {2}query read asset1: \{"id":"asset1","owner":"bob","value":100\}/m,
      /^ +\d+ ms {2}shut down/m,
      /^Done in \d+ ms\.$/m,
    ]
  ) assert.match(out, step);
});

Deno.test("the commands of peer do the main job against a development network", async (t) => {
  await using work = new Workplace();
  await work.up("--runtime", "process");

  await t.step("the network is found without any settings", async () => {
    assert.equal(await work.ok(["channel", "list"]), "Channels peers has joined: \nmychannel\n");
    assert.equal(await work.ok(["node", "status"]), "status:STARTED \n");
  });
  await t.step("an installed package is listed as scripts expect", async () => {
    await work.ok(install("1.0"));
    assert.match(
      await work.ok(["chaincode", "list", "--installed"]),
      /^Get installed chaincodes on peer:\nName: asset, Version: 1\.0, Path: .*asset-js, Id: [0-9a-f]{64}\n$/,
    );
    const again = await work.run(install("1.0"));
    assert.equal(again.code, 1);
    assert.match(again.err, /chaincode with name 'asset' and version '1\.0' already exists|exists/);
  });
  await t.step("instantiate launches and initialises it", async () => {
    await work.ok(deploy("instantiate", "1.0"));
    await instantiated(work, "1.0");
  });
  await t.step("invoke waits for the commit event and logs to stderr only", async () => {
    const { code, out, err } = await work.run(invoke(["create", "a1", "ann", "5"]));
    assert.equal(code, 0, err);
    assert.equal(out, "");
    assert.match(err, /txid \[[0-9a-f]{64}\] committed with status \(VALID\) at localhost:\d+/);
    assert.match(err, /Chaincode invoke successful\. result: status:200 payload:/);
  });
  await t.step(
    "query prints the result alone: as text, hexadecimal, or Go's raw bytes",
    async () => {
      const asset = '{"id":"a1","owner":"ann","value":5}';
      const bytes = new TextEncoder().encode(asset);
      assert.equal(await work.ok(query(["read", "a1"])), `${asset}\n`);
      assert.equal(await work.ok(query(["read", "a1"], "-x")), `${bytes.toHex()}\n`);
      assert.equal(await work.ok(query(["read", "a1"], "-r")), `[${bytes.join(" ")}]\n`);
    },
  );
  await t.step("a chaincode's refusal is an error with its message and exit code 1", async () => {
    for (const command of [query(["read", "nope"]), invoke(["transfer", "nope", "bob"])]) {
      const { code, out, err } = await work.run(command);
      assert.equal(code, 1);
      assert.equal(out, "");
      assert.match(err, /Error: endorsement failure during (query|invoke)\. response: status:500/);
      assert.match(err, /asset nope does not exist/);
    }
  });
  await t.step("upgrade replaces the version and keeps the state", async () => {
    await work.ok(install("2.0"));
    await work.ok(deploy("upgrade", "2.0"));
    await instantiated(work, "2.0");
    await work.ok(invoke(["transfer", "a1", "bob"]));
    assert.match(await work.ok(query(["read", "a1"])), /"owner":"bob"/);
  });
  await t.step("blocks are fetched from peer and orderer, and the ledger verifies", async () => {
    await work.ok(["channel", "fetch", "newest", "-c", "mychannel", "peer.block"]);
    const { ordererAddress, ordererTlsRootCertFile } = work.network();
    const orderer = ["-o", ordererAddress, "--tls", "--cafile", ordererTlsRootCertFile];
    await work.ok(["channel", "fetch", "config", "-c", "mychannel", ...orderer, "config.block"]);
    for (const file of ["peer.block", "config.block"]) {
      assert.ok(Deno.statSync(join(work.directory, file)).size > 1000);
    }
    const info = await work.ok(["channel", "getinfo", "-c", "mychannel"]);
    assert.match(
      info,
      /^Blockchain info: \{"height":5,"currentBlockHash":"[^"]+","previousBlockHash":"[^"]+"\}\n$/,
    );
    assert.match(
      await work.ok(["ledger", "verify", "-C", "mychannel"]),
      /5 blocks with 5 transactions/,
    );
  });
  await t.step("denim env makes any shell a client of an organisation", async () => {
    const exported = await work.ok(["env", "org1"]);
    const environment = Object.fromEntries(
      [...exported.matchAll(/^export (\w+)='(.*)'$/gm)].map((match) => [match[1], match[2]]),
    );
    assert.equal(environment.CORE_PEER_LOCALMSPID, "Org1MSP");
    const elsewhere = await Deno.makeTempDir();
    const asset = await work.ok(query(["read", "a1"]), { environment, directory: elsewhere });
    assert.match(asset, /"owner":"bob"/);
    await Deno.remove(elsewhere);
  });
  await t.step(
    "killed and started again, nothing is lost and chaincode is launched on use",
    async () => {
      const { pid } = work.network();
      Deno.kill(pid, "SIGKILL");
      assert.equal((await work.run(query(["read", "a1"]))).code, 1);
      await work.up("--runtime", "process");
      assert.match(await work.ok(query(["read", "a1"])), /"owner":"bob"/);
      await work.ok(invoke(["create", "a2", "cy", "7"]));
      assert.match(await work.ok(["ledger", "verify", "-C", "mychannel"]), /6 blocks/);
    },
  );
  await t.step("down stops it; --purge leaves nothing", async () => {
    assert.match(await work.ok(["down", "--purge"]), /Stopped.*\nDeleted/);
    assert.throws(() => Deno.statSync(join(work.directory, ".denim")));
  });
});

Deno.test("with two organisations an AND policy needs both peers' endorsements", async () => {
  await using work = new Workplace();
  await work.up("--runtime", "process", "--orgs", "2");
  for (const mspId of ["Org1MSP", "Org2MSP"]) {
    await work.ok(install("1.0"), { environment: { CORE_PEER_LOCALMSPID: mspId } });
  }
  const policy = "AND('Org1MSP.member','Org2MSP.member')";
  await work.ok(deploy("instantiate", "1.0", "-P", policy));
  await instantiated(work, "1.0");
  const alone = await work.run(invoke(["create", "a1", "ann", "5"]));
  assert.equal(alone.code, 0, alone.err);
  assert.match(alone.err, /committed with status \(ENDORSEMENT_POLICY_FAILURE\)/);
  const both = work.network().organizations.flatMap((org) => ["--peerAddresses", org.peerAddress]);
  const together = await work.run(invoke(["create", "a1", "ann", "5"], ...both));
  assert.equal(together.err.match(/committed with status \(VALID\)/g)?.length, 2, together.err);
  const other = { environment: { CORE_PEER_LOCALMSPID: "Org2MSP" } };
  assert.match(await work.ok(query(["read", "a1"]), other), /"owner":"ann"/);
});

Deno.test("called through a link named peer it is peer", async () => {
  await using work = new Workplace();
  const link = join(work.directory, "peer");
  symlinkSync(join(repository, "scripts", "denim"), link);
  await using asPeer = new Workplace({ command: [link] });
  assert.match(await asPeer.ok(["version"]), /^peer:\n Version: 1\.4\.2\n/);
  const usage = await asPeer.run(["chaincode", "query", "--nope"]);
  assert.match(usage.err, /^Error: unknown flag: --nope\nUsage:\n {2}peer chaincode query/);
});

dockerTest(
  "demo runs the chaincode in Docker where an engine has the base images",
  async (docker) => {
    await using work = new Workplace({
      environment: {
        CORE_VM_ENDPOINT: docker.vm.endpoint,
        CORE_CHAINCODE_BUILDER: docker.platforms.builder,
        CORE_CHAINCODE_NODE_RUNTIME: docker.platforms.node.runtime,
        CORE_VM_DOCKER_HOSTCONFIG_NETWORKMODE: "host",
      },
    });
    assert.ok(Deno.env.get(dockerVariables.host));
    const { code, out, err } = await work.run(["demo"]);
    assert.equal(code, 0, err);
    assert.match(out, /chaincode runtime: Docker: .* answers and has the base images/);
    assert.match(out, /query read asset1: \{"id":"asset1","owner":"bob","value":100\}/);
  },
);
