/** The gateway of a peer in a process of its own: other peers are found by asking, not known. */
import { join } from "node:path";
import { freePorts } from "../src/base/free-ports.ts";
import { repository, Workplace } from "./support/denim.ts";
import { gatewaySdk } from "./support/gateway-sdk.ts";
import { nodeModules } from "./support/node-packages.ts";
import { runNodeScenarios } from "./support/node-scenarios.ts";

const chaincode = join(repository, "tests", "sdk", "gateway-chaincode");
const startDeadlineMs = 60_000;

interface SecondPeer extends AsyncDisposable {
  readonly address: string;
  /** Settings for commands that shall address it. */
  readonly environment: Record<string, string>;
}

/** `denim node start` as another peer of Org1, with an identity of its own. */
async function startSecondPeer(work: Workplace): Promise<SecondPeer> {
  await work.ok(["enroll", "peer1", "--type", "peer"]);
  const crypto = join(work.directory, ".denim", "crypto-config", "peerOrganizations");
  const organization = join(crypto, "org1.example.com");
  const tls = join(organization, "peers", "peer0.org1.example.com", "tls");
  const [port, chaincodePort] = await freePorts(2);
  const address = `localhost:${port}`;
  const child = work.spawn(["node", "start"], {
    CORE_PEER_ID: "peer1",
    CORE_PEER_ADDRESS: address,
    CORE_PEER_LISTENADDRESS: `127.0.0.1:${port}`,
    CORE_PEER_CHAINCODELISTENADDRESS: `127.0.0.1:${chaincodePort}`,
    CORE_PEER_GOSSIP_EXTERNALENDPOINT: address,
    CORE_PEER_GOSSIP_BOOTSTRAP: work.network().organizations[0].peerAddress,
    CORE_PEER_LOCALMSPID: "Org1MSP",
    CORE_PEER_MSPCONFIGPATH: join(organization, "users", "peer1@org1.example.com", "msp"),
    CORE_PEER_TLS_ENABLED: "true",
    CORE_PEER_TLS_CERT_FILE: join(tls, "server.crt"),
    CORE_PEER_TLS_KEY_FILE: join(tls, "server.key"),
    CORE_PEER_TLS_ROOTCERT_FILE: join(tls, "ca.crt"),
    CORE_PEER_FILESYSTEMPATH: join(work.directory, "peer1"),
    CORE_OPERATIONS_LISTENADDRESS: "127.0.0.1:0",
    CORE_CHAINCODE_RUNTIME: "process",
  });
  const stop = async () => {
    child.kill("SIGTERM");
    await child.status;
  };
  const environment = { CORE_PEER_ADDRESS: address };
  const deadline = Date.now() + startDeadlineMs;
  while ((await work.run(["node", "status"], { environment })).code !== 0) {
    if (Date.now() > deadline) {
      await stop();
      throw new Error("the second peer does not start");
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { address, environment, [Symbol.asyncDispose]: stop };
}

Deno.test("a gateway finds the peers of other processes", async (t) => {
  await using work = new Workplace();
  const modules = await nodeModules(gatewaySdk);
  await work.up("--orgs", "2", "--runtime", "process");
  await using second = await startSecondPeer(work);
  const { environment } = second;
  const { ordererAddress, ordererTlsRootCertFile } = work.network();
  await work.ok([
    ...["channel", "fetch", "0", "-c", "mychannel", "-o", ordererAddress],
    ...["--tls", "--cafile", ordererTlsRootCertFile, "mychannel.block"],
  ]);
  await work.ok(["channel", "join", "-b", "mychannel.block"], { environment });
  const install = (name: string, environment: Record<string, string>) =>
    work.ok(
      ["chaincode", "install", "-l", "node", "-n", name, "-v", "1.0", "-p", chaincode],
      { environment },
    );
  await install("strict", environment);
  await install("strict", { CORE_PEER_LOCALMSPID: "Org2MSP" });
  await install("elsewhere", {});
  const policies = {
    strict: "AND('Org1MSP.member','Org2MSP.member')",
    elsewhere: "OR('Org1MSP.member')",
  };
  for (const [name, policy] of Object.entries(policies)) {
    const at = name === "strict" ? environment : {};
    await work.ok([
      ...["chaincode", "instantiate", "-C", "mychannel", "-n", name, "-v", "1.0"],
      ...["-c", '{"Args":["init"]}', "-P", policy],
    ], { environment: at });
  }
  await runNodeScenarios(t, {
    script: "gateway-second-peer.cjs",
    modules,
    context: { apps: join(work.directory, ".denim", "apps"), address: second.address },
    workingDirectory: work.directory,
  });
});
