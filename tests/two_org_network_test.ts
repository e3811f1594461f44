/** Scripts written for Fabric 1.4's `peer`, run with a link of that name that leads to Denim. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toBinary } from "@bufbuild/protobuf";
import { systemClock } from "../src/base/clock.ts";
import { EnvelopeSchema } from "../src/gen/common/common_pb.ts";
import { loadMspConfig } from "../src/msp/load-msp-config.ts";
import {
  anchorPeerUpdate,
  channelCreation,
  updateEnvelope,
} from "../src/network/genesis/channel-update.ts";
import { channelProfile } from "../src/network/network-profile.ts";
import { freePorts } from "../src/base/free-ports.ts";
import { assetExample, repository, Workplace } from "./support/denim.ts";

const channelId = "businesschannel";
const scripts = join(repository, "tests/testdata/two-org-network/scripts");
/** The whole walk-through takes some 25 s on an idle machine. */
const scriptTimeoutMs = 10 * 60_000;

/** `peer` on the path: the program from its sources, under that name. */
function linkPeer(directory: string): string {
  const bin = join(directory, "bin");
  mkdirSync(bin);
  const program = join(bin, "denim");
  writeFileSync(
    program,
    `#!/bin/sh\nDENIM_PROGRAM="$(basename "$0")" exec ${Deno.execPath()} run -A --no-check ` +
      `${join(repository, "main.ts")} "$@"\n`,
  );
  chmodSync(program, 0o755);
  symlinkSync("denim", join(bin, "peer"));
  return bin;
}

/** What configtxgen would write for the network's organisations. */
async function writeArtifacts(work: Workplace, crypto: string): Promise<string> {
  const artifacts = join(work.directory, "channel-artifacts");
  mkdirSync(artifacts);
  const write = (name: string, bytes: Uint8Array) => writeFileSync(join(artifacts, name), bytes);
  const organizations = await Promise.all(
    work.network().organizations.map(async ({ mspId, peerAddress }, index) => {
      const [host, port] = peerAddress.split(":");
      const folder = join(crypto, "peerOrganizations", `org${index + 1}.example.com`, "msp");
      return {
        name: mspId,
        mspId,
        msp: await loadMspConfig(folder, mspId),
        anchorPeers: [{ host, port: Number(port) }],
      };
    }),
  );
  const profile = channelProfile(organizations.map((one) => ({ ...one, anchorPeers: [] })));
  const creation = channelCreation(channelId, profile, { clock: systemClock });
  write("channel.tx", toBinary(EnvelopeSchema, creation));
  for (const organization of organizations) {
    const update = updateEnvelope(anchorPeerUpdate(channelId, organization), {
      clock: systemClock,
    });
    write(`${organization.mspId}anchors.tx`, toBinary(EnvelopeSchema, update));
  }
  return artifacts;
}

interface StartedPeer {
  readonly address: string;
  readonly adminAddress: string;
  /** Ends it with SIGTERM; gives its exit code, or the signal that ended it. */
  stop(): Promise<number | string>;
}

/** `peer node start`, configured with a core.yaml as an operator writes it, on free ports. */
async function startPeer(work: Workplace, bin: string, crypto: string): Promise<StartedPeer> {
  const directory = join(work.directory, "peer1.org1");
  mkdirSync(directory);
  const organization = join(crypto, "peerOrganizations/org1.example.com");
  const peer0 = join(organization, "peers/peer0.org1.example.com");
  const [port, chaincodePort, adminPort] = await freePorts(3);
  const address = `localhost:${port}`;
  writeFileSync(
    join(directory, "core.yaml"),
    `
peer:
  id: peer1.org1.example.com
  networkId: walk
  listenAddress: 127.0.0.1:${port}
  address: ${address}
  chaincodeListenAddress: 127.0.0.1:${chaincodePort}
  adminService:
    listenAddress: 127.0.0.1:${adminPort}
  gossip:
    bootstrap: ${address}
    useLeaderElection: true
    externalEndpoint: ${address}
  tls:
    enabled: true
    cert: { file: ${peer0}/tls/server.crt }
    key: { file: ${peer0}/tls/server.key }
    rootcert: { file: ${peer0}/tls/ca.crt }
  fileSystemPath: production
  mspConfigPath: ${peer0}/msp
  localMspId: Org1MSP
chaincode:
  runtime: process
operations:
  listenAddress: 127.0.0.1:0
`,
  );
  const child = new Deno.Command(join(bin, "peer"), {
    args: ["node", "start"],
    env: { ...work.environment, FABRIC_CFG_PATH: directory },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let log = "";
  const started = Promise.withResolvers<void>();
  const logged = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      log += text;
      if (/Started peer with ID=.*, .*, address=/.test(log)) started.resolve();
    }
    started.reject(new Error(`peer node start ended:\n${log}`));
  })();
  await started.promise;
  return {
    address,
    adminAddress: `localhost:${adminPort}`,
    stop: async () => {
      child.kill("SIGTERM");
      const { code, signal } = await child.status;
      await logged;
      return signal ?? code;
    },
  };
}

Deno.test("a two-organisation network's scripts for peer 1.4 run unchanged", async (t) => {
  await using work = new Workplace();
  await work.up("--orgs", "2", "--runtime", "process");
  const bin = linkPeer(work.directory);
  const crypto = join(work.directory, ".denim/crypto-config");
  const artifacts = await writeArtifacts(work, crypto);
  const { ordererAddress, ordererTlsRootCertFile, organizations } = work.network();
  const third = await startPeer(work, bin, crypto);
  try {
    const environment: Record<string, string> = {
      ...work.environment,
      PATH: `${bin}:${work.environment.PATH}`,
      CRYPTO: crypto,
      ORDERER: ordererAddress,
      ORDERER_CA: ordererTlsRootCertFile,
      PEER0_ORG1: organizations[0].peerAddress,
      PEER1_ORG1: third.address,
      PEER0_ORG2: organizations[1].peerAddress,
      CHANNEL: channelId,
      CHAINCODE_PATH: assetExample,
      ARTIFACTS: artifacts,
    };
    const bash = async (...args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command("bash", {
        args,
        cwd: work.directory,
        env: environment,
        clearEnv: true,
        signal: AbortSignal.timeout(scriptTimeoutMs),
      }).output();
      return {
        code,
        out: new TextDecoder().decode(stdout),
        err: new TextDecoder().decode(stderr),
      };
    };

    await t.step("from nothing to an upgraded chaincode on three peers", async () => {
      const { code, out, err } = await bash(join(scripts, "network.sh"));
      assert.equal(code, 0, err + out);
      const lines = out.trimEnd().split("\n");
      assert.equal(lines.at(-1), "========= All GOOD, execution completed =========");
      assert.ok(out.includes(`Channels peers has joined: \n${channelId}\n`), out);
      assert.match(out, /^Name: mycc, Version: 2\.0, Escc: escc, Vscc: vscc$/m);
      // genesis, two anchor updates, deploy, create, upgrade, transfer
      assert.match(out, /^"height":7$/m);
    });
    await t.step("the Admin service answers on its own listener only", async () => {
      const status = (address: string) =>
        bash(
          "-c",
          `. "${scripts}/utils.sh"; setGlobals 1 1; CORE_PEER_ADDRESS=${address} peer node status`,
        );
      const apart = await status(third.adminAddress);
      assert.equal(apart.out, "status:STARTED \n", apart.err);
      const here = await status(third.address);
      assert.notEqual(here.code, 0);
    });
  } finally {
    assert.equal(await third.stop(), 0);
  }
});
