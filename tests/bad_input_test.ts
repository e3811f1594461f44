/** What users get wrong, against a running network: each mistake is told clearly and harms nothing. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { generateOrganization } from "../src/network/keys/organization-keys.ts";
import { writeOrganization } from "../src/network/keys/write-organization.ts";
import { type BrokenChaincode, brokenChaincode } from "./support/broken-chaincode.ts";
import { assetExample, repository, Workplace } from "./support/denim.ts";
import { type Refusal, refused } from "./support/refusal.ts";

const golden = join(repository, "tests", "testdata", "golden");
const init = ["-c", '{"Args":["init"]}'];
const onChannel = ["-C", "mychannel", "-n", "asset"];
const read = ["chaincode", "query", ...onChannel, "-c", '{"Args":["read","a1"]}'];
const create = (id: string) => [
  ...["chaincode", "invoke", ...onChannel],
  ...["-c", JSON.stringify({ Args: ["create", id, "ann", "1"] })],
];
const install = (name: string, version: string, path: string) => [
  ...["chaincode", "install", "-l", "node", "-n", name, "-v", version, "-p", path],
];
const instantiate = (name: string, version: string) => [
  ...["chaincode", "instantiate", "-C", "mychannel", "-n", name, "-v", version, ...init],
];

Deno.test("mistakes against a running network are told clearly and harm nothing", async (t) => {
  await using work = new Workplace({ environment: { CORE_CHAINCODE_STARTUPTIMEOUT: "5s" } });
  const file = (name: string, content: string | Uint8Array) => {
    const path = join(work.directory, name);
    writeFileSync(path, content);
    return path;
  };
  await work.up("--runtime", "process");
  await work.ok(install("asset", "1.0", assetExample));
  await work.ok(instantiate("asset", "1.0"));
  await work.ok([...create("a1"), "--waitForEvent"]);
  const { organizations: [org], ordererAddress, ordererTlsRootCertFile } = work.network();
  const adminMsp = join(
    work.directory,
    ".denim/crypto-config/peerOrganizations/org1.example.com/users/Admin@org1.example.com/msp",
  );
  const nothing = file("nothing.txt", "just text\n");

  await t.step("commands, flags and arguments", async () => {
    const badInput = (json: string, says: RegExp): Refusal => ({
      args: ["chaincode", "query", ...onChannel, "-c", json],
      says,
      next: /write arguments as '\{"Args":/,
    });
    await refused(work, [
      { args: ["frobnicate"], says: /^unknown command "frobnicate"/, next: /denim --help/ },
      { args: ["chaincode", "frob"], says: /^unknown command "frob"/, next: /chaincode --help/ },
      { args: [...read, "--nope"], says: /^unknown flag: --nope$/, next: /--channelID string/ },
      { args: ["chaincode", "query", "-C"], says: /^flag needs an argument: 'C'/, next: /Usage:/ },
      { args: ["chaincode", "query", ...init], says: /^must supply|channelID/, next: /Usage:/ },
      { args: [...read, "-x", "-r"], says: /not compatible/, next: /Usage:/ },
      { args: [...create("x"), "--waitForEventTimeout", "x"], says: /duration/, next: /Usage:/ },
      { args: [...install("a", "1", "."), "-l", "cobol"], says: /"cobol"/, next: /use one of/ },
      {
        args: ["channel", "fetch", "x", "-c", "mychannel"],
        says: /target illegal/,
        next: /newest/,
      },
      badInput('{"Args":["a"', /^chaincode argument error: .*JSON/),
      badInput("hello\nworld", /^chaincode argument error: .*not valid JSON$/),
      badInput("[]", /expected a JSON object/),
      badInput('{"Args":[1]}', /list of strings/),
      badInput("{}", /^empty JSON chaincode parameters/),
      {
        args: [...create("x"), "--transient", '{"a":"%"}'],
        says: /not base64/,
        next: /values are/,
      },
      {
        args: [...instantiate("asset", "2.0"), "-P", "AND("],
        says: /^invalid policy AND\(/,
        next: /AND\('Org1MSP\.member'/,
      },
      {
        args: [...instantiate("asset", "2.0"), "--collections-config", nothing],
        says: /^invalid collection configuration .* not valid JSON$/,
        next: /the file holds a list/,
      },
    ]);
  });

  await t.step("files that are not there, not readable, not what they should be", async () => {
    const missing = /check the path/;
    await refused(work, [
      { args: ["chaincode", "install", "no.cds"], says: /'no\.cds': no such file/, next: missing },
      { args: ["chaincode", "install", "."], says: /'\.': it is a directory/, next: missing },
      { args: install("a", "1", "./no"), says: /does not exist: \.\/no/, next: /package\.json/ },
      { args: ["channel", "join", "-b", "no.block"], says: /no such file/, next: missing },
      { args: ["channel", "join", "-b", nothing], says: /genesis block/, next: /block 0/ },
      {
        args: ["channel", "fetch", "newest", "-c", "mychannel", "/dev/null/x"],
        says: /\/dev\/null\/x: a part of the path is not a directory/,
        next: missing,
      },
      {
        args: ["chaincode", "package", "-l", "node", "-n", "a", "-v", "1", "-p", assetExample]
          .concat("/dev/null/x"),
        says: /failed writing deployment spec to file \[\/dev\/null\/x\]/,
        next: /can be written/,
      },
      {
        args: [...create("x"), "--connectionProfile", nothing],
        says: /^error reading connection profile .*not a mapping/,
        next: /YAML or JSON/,
      },
    ]);
  });

  await t.step("packages: damaged ones are refused, those of Fabric are installed", async () => {
    const good = readFileSync(join(golden, "packages", "assetcc-1.0.cds"));
    const packages: Record<string, Uint8Array> = {
      empty: new Uint8Array(0),
      truncated: good.subarray(0, good.length >> 1),
      random: randomBytes(4096),
      block: readFileSync(join(golden, "artifacts", "mychannel.block")),
      zeros: new Uint8Array(1000),
    };
    await refused(
      work,
      Object.entries(packages).map(([name, bytes]) => ({
        args: ["chaincode", "install", file(`${name}.cds`, bytes)],
        says: /^error reading chaincode package '.*': could not unmarshal/,
        next: /chaincode package/,
      })),
    );
    for (const name of ["assetcc-2.0.cds", "othercc-1.0.signed.cds", "thirdcc-1.0.signed2.cds"]) {
      await work.ok(["chaincode", "install", join(golden, "packages", name)]);
    }
    await refused(work, [{
      args: ["chaincode", "install", join(golden, "packages", "assetcc-2.0.cds")],
      says: /assetcc\.2\.0 exists/,
      next: /installed already/,
    }]);
  });

  await t.step("names that nobody knows", async () => {
    await refused(work, [
      {
        args: ["chaincode", "query", "-C", "nope", "-n", "asset", ...init],
        says: /access denied: channel \[nope\]/,
        next: /'denim channel list'/,
      },
      {
        args: ["chaincode", "invoke", "-C", "mychannel", "-n", "nope", ...init],
        says: /chaincode nope not found/,
        next: /list --instantiated -C mychannel/,
      },
      {
        args: instantiate("nope", "1.0"),
        says: /cannot get package for chaincode \(nope:1\.0\)/,
        next: /denim chaincode install -n nope -v 1\.0/,
      },
      { args: instantiate("asset", "1.0"), says: /already exists/, next: /chaincode upgrade/ },
      {
        args: ["channel", "fetch", "99", "-c", "mychannel"],
        says: /NOT_FOUND/,
        next: /channel getinfo/,
      },
      { args: ["channel", "getinfo", "-c", "nope"], says: /nope/, next: /channel list/ },
    ]);
  });

  await t.step("chaincode that does not come up says why, and a corrected one does", async () => {
    const failing: Record<BrokenChaincode, RegExp> = {
      exits: /container exited with 3: [^]*\n {2}cannot find the settings/,
      killed: /container exited with SIGKILL: [^]*\n {2}so long/,
      silent: /timeout expired while starting chaincode silent:1 [^]*\n {2}thinking/,
      syntax: /container exited with 1: [^]*SyntaxError/,
      nomodule: /container exited with 1: [^]*denim-test-not-declared/,
      nodependency: /could not build chaincode nodependency:1: [^]*denim-test-no-such-package/,
      nostart: /package\.json of the chaincode has no "start" script/,
    };
    const names = Object.keys(failing) as BrokenChaincode[];
    for (const name of names) {
      await work.ok(install(name, "1", brokenChaincode(work.directory, name)));
    }
    const deployments = names.map((name): Refusal => ({
      args: instantiate(name, "1"),
      says: failing[name],
      next: /./,
    }));
    const began = performance.now();
    await refused(work, deployments);
    // One of them fails by its deadline of 5 s only; nobody else may wait for that.
    assert.ok(performance.now() - began < 20_000);
    await refused(work, deployments.slice(0, 1));
    await work.ok(install("exits", "2", assetExample));
    await work.ok(instantiate("exits", "2"));
  });

  await t.step("identities that the network does not accept", async () => {
    const keys = (name: string, now: number) => {
      const path = join(work.directory, name);
      const clock = { now: () => now };
      writeOrganization(
        path,
        generateOrganization({ domain: "org1.example.com", mspId: "Org1MSP", clock }),
      );
      return join(path, "peerOrganizations/org1.example.com/users/Admin@org1.example.com/msp");
    };
    const damaged = (name: string, damage: (msp: string) => void) => {
      const path = join(work.directory, name);
      cpSync(adminMsp, path, { recursive: true });
      damage(path);
      return { CORE_PEER_MSPCONFIGPATH: path };
    };
    const user = { CORE_PEER_MSPCONFIGPATH: adminMsp.replaceAll("Admin@", "User1@") };
    const elsewhere = { CORE_PEER_MSPCONFIGPATH: keys("other", systemClock.now()) };
    const expired = { CORE_PEER_MSPCONFIGPATH: keys("old", Date.UTC(2010, 0)) };
    await refused(work, [
      {
        args: read,
        environment: elsewhere,
        says: /access denied/,
        next: /CORE_PEER_MSPCONFIGPATH/,
      },
      { args: read, environment: expired, says: /^signing identity expired/, next: /Enroll/ },
      {
        args: read,
        environment: { CORE_PEER_LOCALMSPID: "NopeMSP" },
        says: /creator org \[NopeMSP\]/,
        next: /CORE_PEER_LOCALMSPID/,
      },
      {
        args: install("b", "1", assetExample),
        environment: user,
        says: /access denied for \[install\]/,
        next: /administrator/,
      },
      {
        args: read,
        environment: { CORE_PEER_MSPCONFIGPATH: work.directory },
        says: /signcerts: no such directory/,
        next: /CORE_PEER_MSPCONFIGPATH/,
      },
      {
        args: read,
        environment: damaged("nokey", (msp) => {
          rmSync(join(msp, "keystore"), { recursive: true });
          mkdirSync(join(msp, "keystore"));
        }),
        says: /no private key in .*keystore belongs to the certificate/,
        next: /Put the key/,
      },
    ]);
  });

  await t.step("wrong TLS settings and addresses", async () => {
    const orderer = (...more: string[]) => [...create("x"), "-o", ...more];
    const trusting = ["--tls", "--cafile", ordererTlsRootCertFile];
    const elsewhere = (address: string) => ({ CORE_PEER_ADDRESS: address });
    await refused(
      work,
      [
        { args: orderer(ordererAddress), says: /connection closed/, next: /--tls and --cafile/ },
        { args: orderer(ordererAddress, "--tls"), says: /no file is set/, next: /--cafile/ },
        {
          args: orderer(ordererAddress, "--tls", "--cafile", nothing),
          says: /orderer\.tls\.rootcert\.file .*not PEM/,
          next: /--cafile/,
        },
        {
          args: orderer(ordererAddress, "--tls", "--cafile", join(adminMsp, "cacerts/x.pem")),
          says: /no such file/,
          next: /--cafile/,
        },
        {
          args: orderer(ordererAddress, "--tls", "--cafile", join(golden, caFile)),
          says: /TLS verification failed: .*issued by an authority/,
          next: /CA file/,
        },
        {
          args: orderer(ordererAddress, ...trusting, "--ordererTLSHostnameOverride", "other"),
          says: /TLS verification failed: .*altnames/,
          next: /ordererTLSHostnameOverride/,
        },
        {
          args: orderer(ordererAddress, ...trusting, "--clientauth", "--certfile", nothing),
          says: /clientCert\.file .*not PEM/,
          next: /--certfile/,
        },
        { args: orderer("localhost:1", ...trusting), says: /connection refused/, next: /running/ },
        { args: orderer("nowhere", ...trusting), says: /not host:port/, next: /host:port/ },
        {
          args: orderer("no.such.host.invalid:7050", ...trusting),
          says: /no such host/,
          next: /Check the name/,
        },
        {
          args: orderer(org.peerAddress, "--tls", "--cafile", peerRoot(work)),
          says: /unknown service orderer\.AtomicBroadcast/,
          next: /no orderer/,
        },
        { args: read, environment: elsewhere("localhost:1"), says: /refused/, next: /running/ },
        {
          args: read,
          environment: { CORE_PEER_TLS_ENABLED: "false" },
          says: /connection closed/,
          next: /TLS/,
        },
        {
          args: ["node", "status"],
          environment: elsewhere("localhost:1"),
          says: /^Error trying to connect to local peer/,
          next: /denim up/,
        },
      ].map((refusal) => ({ ...refusal })),
    );
  });

  await t.step("after all of it the peer serves, and nothing was added or lost", async () => {
    assert.equal(await work.ok(read), '{"id":"a1","owner":"ann","value":1}\n');
    await work.ok([...create("a2"), "--waitForEvent"]);
    // Configuration, two instantiations, two creations.
    assert.match(await work.ok(["ledger", "verify", "-C", "mychannel"]), /: 5 blocks with 5 tran/);
  });

  await t.step("when it is down, that is said", async () => {
    await work.ok(["down"]);
    await refused(work, [
      { args: read, says: /signcerts/, next: /no development network is running.*denim up/ },
      { args: ["env"], says: /no development network is running/, next: /denim up/ },
    ]);
  });
});

const caFile =
  "crypto-config/peerOrganizations/org1.example.com/peers/peer0.org1.example.com/tls/ca.crt";

/** PEM file with the TLS root of the network's peer. */
function peerRoot(work: Workplace): string {
  return join(work.directory, ".denim", caFile);
}
