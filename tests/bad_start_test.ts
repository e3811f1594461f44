/** Networks and peers that cannot start, or not as asked: one clear message, and nothing is lost. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { cpSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { installAsset, Workplace } from "./support/denim.ts";
import { type Refusal, refused } from "./support/refusal.ts";

const peerName = "peers/peer0.org1.example.com";
const peerKeys = `crypto-config/peerOrganizations/org1.example.com/${peerName}`;
const init = ["-c", '{"Args":["init"]}'];
const install = installAsset("1");
const instantiate = ["chaincode", "instantiate", "-C", "mychannel", "-n", "asset", "-v", "1"];
const list = ["chaincode", "query", "-C", "mychannel", "-n", "asset", "-c", '{"Args":["list"]}'];
const up = ["up", "--detach", "--runtime", "process"];

/** A port that somebody listens on while `work` runs. */
async function withPort(work: (port: number) => Promise<void>): Promise<void> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  try {
    await work(typeof address === "object" && address ? address.port : 0);
  } finally {
    await new Promise((closed) => server.close(closed));
  }
}

Deno.test("a network that cannot start as asked says why, and leaves nothing behind", async () => {
  await using work = new Workplace();
  const other = ["up", "--dir", "other"];
  await withPort(async (port) => {
    const taken: Refusal = {
      args: [...other, "--port", `${port}`],
      says: new RegExp(`^port ${port} of 127\\.0\\.0\\.1 cannot be used: address already in use`),
      next: /--port \(0 takes free ones\)/,
    };
    await refused(work, [
      taken,
      { ...taken, args: [...taken.args, "--detach"] },
      { args: [...other, "--port", "65535"], says: /do not exist/, next: /below 65536/ },
      { args: [...other, "--port", "x"], says: /expected a whole number/, next: /Usage:/ },
      { args: [...other, "--orgs", "0"], says: /--orgs must be between/, next: /./ },
      { args: [...other, "--channel", "A B"], says: /"A B" is not allowed/, next: /lower-case/ },
      { args: [...other, "--runtime", "x"], says: /--runtime must be/, next: /Usage:/ },
      { args: ["up", "--dir", "/dev/null/x"], says: /\/dev\/null/, next: /check the path/ },
      { args: ["up", "-d", "--dir", "/dev/null/x"], says: /\/dev\/null/, next: /check the path/ },
      { args: ["up", "--dir", "/proc/denim"], says: /mkdir \/proc\/denim/, next: /path|directory/ },
      {
        args: ["demo", "--example", "."],
        says: /there is no chaincode in .*: no package\.json, go\.mod, pom\.xml/,
        next: /give the directory/,
      },
    ]);
  });
  assert.throws(() => Deno.statSync(join(work.directory, "other", "settings.json")));
  const noEngine: Omit<Refusal, "args"> = {
    environment: { CORE_VM_ENDPOINT: "unix:///nowhere/docker.sock" },
    says: /^no Docker engine answers at unix:\/\/\/nowhere\/docker\.sock/,
    next: /CORE_VM_ENDPOINT.*--runtime process/,
  };
  await refused(work, [
    { args: [...other, "--port", "0", "--runtime", "docker"], ...noEngine },
    { args: ["demo", "--runtime", "docker"], ...noEngine },
  ]);
});

Deno.test("a damaged network says what is damaged; repaired, it has everything", async (t) => {
  await using work = new Workplace();
  await work.ok([...up, "--port", "0"]);
  await refused(work, [{ args: up, says: /runs already/, next: /denim down/ }]);
  await work.ok(install);
  await work.ok([...instantiate, ...init]);
  await work.ok([...list.with(1, "invoke"), "--waitForEvent"]);
  await work.ok(["down"]);
  const network = join(work.directory, ".denim");
  const sound = join(work.directory, "sound");
  // Without what was built: that is thousands of files, and made anew where it is missing.
  rmSync(join(network, peerName, "processes"), { recursive: true });
  cpSync(network, sound, { recursive: true });
  const ledger = join(peerName, "ledgersData/mychannel/ledger.db");
  const garbage = (path: string) => writeFileSync(join(network, path), randomBytes(20_000));
  const remove = (path: string) => rmSync(join(network, path), { recursive: true });
  const purge = /denim down --purge/;

  const damages: readonly (readonly [string, () => void, RegExp, RegExp])[] = [
    ["a cut ledger", () => truncateSync(join(network, ledger), 5000), /ledger.*damaged/, purge],
    ["a ledger of garbage", () => garbage(ledger), /ledger\.db is damaged/, /delete .*ledgersData/],
    ["an orderer of garbage", () => garbage("orderer/orderer.db"), /orderer\.db is damaged/, purge],
    ["no orderer", () => remove("orderer"), /orderer has 0 blocks of channel mychannel/, purge],
    ["other settings", () => garbage("settings.json"), /settings\.json does not hold/, purge],
    ["another genesis", () => garbage("artifacts/genesis.block"), /genesis\.block: /, purge],
    ["no keys", () => remove("crypto-config"), /crypto-config.* is missing/, purge],
    ["no peer key", () => remove(`${peerKeys}/msp/keystore`), /keystore/, /private key/],
    ["no TLS key", () => remove(`${peerKeys}/tls/server.key`), /server\.key": no such file/, /PEM/],
    [
      "a broken TLS certificate",
      () => garbage(`${peerKeys}/tls/server.crt`),
      /server\.crt": it is not PEM/,
      /PEM file/,
    ],
  ];
  for (const [name, damage, says, next] of damages) {
    await t.step(name, async () => {
      damage();
      await refused(work, [{ args: up, says, next }]);
      remove(".");
      cpSync(sound, network, { recursive: true });
    });
  }
  await t.step("another shape than asked for", async () => {
    await refused(work, [
      { args: [...up, "--orgs", "2"], says: /has organisations: 1, not 2/, next: purge },
      { args: [...up, "--channel", "other"], says: /has channel mychannel/, next: purge },
    ]);
  });
  await t.step("a damaged package stops its chaincode only", async () => {
    garbage(`${peerName}/chaincodes/asset.1`);
    await work.ok(up);
    const noPackage: Refusal = {
      args: list,
      says: /cannot retrieve package for chaincode asset\/1/,
      next: /remove chaincodes\/asset\.1 .*install the same package/,
    };
    await refused(work, [noPackage]);
    remove(`${peerName}/chaincodes/asset.1`);
    await refused(work, [noPackage]);
    await work.ok(install);
    assert.equal(await work.ok(list), "[]\n");
  });
  await t.step("a peer that lost its ledger gets the blocks from the orderer", async () => {
    await work.ok(["down"]);
    remove(`${peerName}/ledgersData`);
    await work.ok(up);
    assert.equal(await work.ok(list), "[]\n");
    assert.match(await work.ok(["ledger", "verify", "-C", "mychannel"]), /: 3 blocks/);
  });
});

Deno.test("node start says what keeps it; a peer without an engine goes on", async (t) => {
  await using work = new Workplace();
  await work.ok([...up, "--port", "0"]);
  const network = join(work.directory, ".denim");
  const admin = join(network, peerKeys, "../../users/Admin@org1.example.com/msp");
  const settings = {
    CORE_PEER_ID: "peer9",
    CORE_PEER_LOCALMSPID: "Org1MSP",
    CORE_PEER_MSPCONFIGPATH: join(network, peerKeys, "msp"),
    CORE_PEER_TLS_ENABLED: "false",
    CORE_PEER_FILESYSTEMPATH: join(work.directory, "peer9"),
    CORE_PEER_CHAINCODELISTENADDRESS: "127.0.0.1:0",
    CORE_OPERATIONS_LISTENADDRESS: "127.0.0.1:0",
  };
  let free = 0;
  await withPort(async (port) => {
    free = port;
    const start = (environment: Record<string, string>, says: RegExp, next: RegExp): Refusal => ({
      args: ["node", "start"],
      environment: { ...settings, CORE_PEER_LISTENADDRESS: "127.0.0.1:0", ...environment },
      says,
      next,
    });
    await refused(work, [
      start({ CORE_PEER_LISTENADDRESS: `127.0.0.1:${port}` }, /address already in use/, /port/),
      start({ CORE_PEER_LISTENADDRESS: "nowhere" }, /must be host:port/, /PEER_LISTENADDRESS/),
      start({ CORE_PEER_MSPCONFIGPATH: work.directory }, /signcerts/, /CORE_PEER_MSPCONFIGPATH/),
      start({ CORE_PEER_TLS_ENABLED: "true" }, /peer\.tls\.cert\.file .*no such file/, /PEM file/),
      start({ CORE_PEER_FILESYSTEMPATH: "/dev/null/x" }, /\/dev\/null\/x/, /check the path/),
      start(
        { CORE_PEER_FILESYSTEMPATH: join(network, peerName) },
        /another peer node/,
        /Stop the other peer/,
      ),
      start({ FABRIC_CFG_PATH: "/nowhere" }, /\/nowhere does not exist/, /folder of core\.yaml/),
    ]);
  });
  await t.step("without its engine a peer installs, refuses to launch, and serves", async () => {
    const address = `127.0.0.1:${free}`;
    const peer = work.spawn(["node", "start"], {
      ...settings,
      CORE_PEER_LISTENADDRESS: address,
      CORE_PEER_ADDRESS: address,
      CORE_CHAINCODE_RUNTIME: "docker",
      CORE_VM_ENDPOINT: "unix:///nowhere/docker.sock",
    });
    try {
      const environment = {
        CORE_PEER_ADDRESS: address,
        CORE_PEER_TLS_ENABLED: "false",
        CORE_PEER_LOCALMSPID: "Org1MSP",
        CORE_PEER_MSPCONFIGPATH: admin,
      };
      for (let attempt = 0;; attempt++) {
        const { code, err } = await work.run(["node", "status"], { environment });
        if (code === 0) break;
        assert.ok(attempt < 50, err);
      }
      await work.ok(["channel", "join", "-b", ".denim/artifacts/mychannel.block"], { environment });
      await work.ok(install, { environment });
      await refused(work, [{
        args: [...instantiate, ...init],
        environment,
        says: /no Docker engine answers at unix:\/\/\/nowhere\/docker\.sock/,
        next: /Docker/,
      }]);
      assert.match(await work.ok(["channel", "list"], { environment }), /mychannel/);
    } finally {
      peer.kill("SIGTERM");
      assert.equal((await peer.status).code, 0);
    }
  });
});
