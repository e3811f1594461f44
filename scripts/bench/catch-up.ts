/**
 * A late peer: how fast it takes over what the channel already has, and what it then holds in memory.
 *
 *     deno task bench --catch-up [--transactions 16000] [--peer-program PATH --peer-config FOLDER]
 *         [--sources]
 *
 * A development network is started and filled; then a second peer of Org1 joins. With
 * `--peer-program` a further one joins that is started by another program (Fabric's own `peer`, with
 * the core.yaml in FOLDER), so that both do the same work in one run.
 */
import { dirname, join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { freePorts } from "../../src/base/free-ports.ts";
import { BlockchainInfoSchema } from "../../src/gen/common/ledger_pb.ts";
import { AtomicBroadcast } from "../../src/gen/orderer/ab_pb.ts";
import { Endorser } from "../../src/gen/peer/peer_pb.ts";
import { createProposal, invocationOf, signProposal } from "../../src/protocol/proposal.ts";
import { assembleTransaction } from "../../src/protocol/transaction.ts";
import { newNonce } from "../../src/protocol/txid.ts";
import { createRpcClient } from "../../src/rpc/client.ts";
import type { RpcClient } from "../../src/rpc/types.ts";
import {
  connect,
  cpuSeconds,
  parsePeerTarget,
  type PeerTarget,
  residentMegabytes,
  wallClock,
} from "./peer-target.ts";
import { Program } from "./program.ts";

const channelId = "mychannel";
const concurrentClients = 32;
/** A peer that is started answers within this time. */
const startTimeoutMs = 60_000;
/** A chain that has not grown for so long is complete. */
const quietMs = 1_000;
const pollMs = 50;
/** The longest a peer may take to catch up. */
const catchUpTimeoutMs = 30 * 60_000;

interface Network {
  readonly pid: number;
  readonly ordererAddress: string;
  readonly ordererTlsRootCertFile: string;
  readonly organizations: readonly {
    readonly mspId: string;
    readonly peerAddress: string;
    readonly adminMspPath: string;
    readonly tlsRootCertFile: string;
  }[];
}

/** Runs the measurement and prints it. @throws Error with the output of what failed */
export async function benchCatchUp(
  program: Program,
  example: string,
  transactions: number,
  other: { readonly path: string; readonly configuration: string } | undefined,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "denim-bench-" });
  try {
    await program.run(
      ["up", "--detach", "--port", "0", "--runtime", "process"],
      directory,
    );
    await program.run(
      ["chaincode", "deploy", example, "-n", "asset", "-c", '{"Args":["init"]}'],
      directory,
    );
    const network: Network = JSON.parse(
      await Deno.readTextFile(join(directory, ".denim", "network.json")),
    );
    const [org] = network.organizations;
    const began = performance.now();
    await fill(network, transactions);
    const { height, settledAt } = await settled(targetOf(org, org.peerAddress, network.pid));
    const seconds = (settledAt - began) / 1_000;
    console.log(
      `endorse, order and commit ${transactions} transactions: ` +
        `${(transactions / seconds).toFixed(0)} tx/s in ${height} blocks; the network holds ` +
        `${residentMegabytes(network.pid)?.toFixed(0)} MB`,
    );
    const work = { directory, network, transactions, height };
    const rates = [await catchUp("denim", program, work)];
    if (other !== undefined) {
      const settings = { FABRIC_CFG_PATH: other.configuration };
      rates.push(await catchUp(other.path, new Program([other.path]), work, settings));
      console.log(`ratio denim / ${other.path}: ${(rates[0] / rates[1]).toFixed(2)}`);
    }
  } finally {
    await program.run(["down", "--purge", "--dir", ".denim"], directory).catch(() => {});
    await Deno.remove(directory, { recursive: true });
  }
}

type Organization = Network["organizations"][number];

function targetOf(org: Organization, address: string, pid: number): PeerTarget {
  return parsePeerTarget(
    `name=peer,address=${address},msp=${org.adminMspPath},mspid=${org.mspId},` +
      `tls=${org.tlsRootCertFile},pid=${pid}`,
  );
}

async function ask(rpc: RpcClient, target: PeerTarget): Promise<number> {
  const { proposal } = createProposal({
    channelId,
    invocation: invocationOf("qscc", ["GetChainInfo", channelId]),
    creator: target.signer.serialized,
    nonce: newNonce(),
    clock: wallClock,
  });
  const signed = signProposal(proposal, target.signer);
  const { response } = await rpc.unary(Endorser.method.processProposal, signed);
  if (response?.status !== 200) throw new Error(`GetChainInfo: ${response?.message}`);
  return Number(fromBinary(BlockchainInfoSchema, response.payload).height);
}

/** Waits until the peer's chain has not grown for a while. */
async function settled(target: PeerTarget): Promise<{ height: number; settledAt: number }> {
  const rpc = connect(target);
  try {
    let height = 0;
    let settledAt = performance.now();
    while (performance.now() - settledAt < quietMs) {
      const now = await ask(rpc, target);
      if (now !== height) [height, settledAt] = [now, performance.now()];
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
    return { height, settledAt };
  } finally {
    await rpc.close();
  }
}

interface Work {
  readonly directory: string;
  readonly network: Network;
  readonly transactions: number;
  readonly height: number;
}

/** Starts a peer, joins it and waits until it has everything; gives transactions a second. */
async function catchUp(
  name: string,
  program: Program,
  { directory, network, transactions, height }: Work,
  settings: Readonly<Record<string, string>> = {},
): Promise<number> {
  const [org] = network.organizations;
  const tls = dirname(org.tlsRootCertFile);
  const [port, chaincodePort, operationsPort] = await freePorts(3);
  const address = `localhost:${port}`;
  const home = await Deno.makeTempDir({ dir: directory });
  const environment: Record<string, string> = {
    ...settings,
    CORE_PEER_ID: "late",
    CORE_PEER_LOCALMSPID: org.mspId,
    CORE_PEER_ADDRESS: address,
    CORE_PEER_LISTENADDRESS: `127.0.0.1:${port}`,
    CORE_PEER_CHAINCODELISTENADDRESS: `127.0.0.1:${chaincodePort}`,
    CORE_PEER_FILESYSTEMPATH: home,
    CORE_PEER_MSPCONFIGPATH: join(dirname(tls), "msp"),
    CORE_PEER_TLS_ENABLED: "true",
    CORE_PEER_TLS_CERT_FILE: join(tls, "server.crt"),
    CORE_PEER_TLS_KEY_FILE: join(tls, "server.key"),
    CORE_PEER_TLS_ROOTCERT_FILE: org.tlsRootCertFile,
    CORE_PEER_GOSSIP_USELEADERELECTION: "false",
    CORE_PEER_GOSSIP_ORGLEADER: "true",
    CORE_PEER_GOSSIP_BOOTSTRAP: address,
    CORE_OPERATIONS_LISTENADDRESS: `127.0.0.1:${operationsPort}`,
  };
  const admin = { ...environment, CORE_PEER_MSPCONFIGPATH: org.adminMspPath };
  const log = await Deno.open(join(home, "log"), { create: true, write: true });
  const child = program.spawn(["node", "start"], directory, environment);
  const logged = child.stderr.pipeTo(log.writable).catch(() => {});
  void child.stdout.pipeTo(new WritableStream()).catch(() => {});
  try {
    const block = join(home, "genesis.block");
    const until = performance.now() + startTimeoutMs;
    for (;;) {
      try {
        await program.run(["node", "status"], directory, admin);
        break;
      } catch (error) {
        if (performance.now() > until) throw error;
      }
    }
    await program.run(
      [
        "channel",
        "fetch",
        "0",
        block,
        "-c",
        channelId,
        "-o",
        network.ordererAddress,
        "--tls",
        "--cafile",
        network.ordererTlsRootCertFile,
      ],
      directory,
      admin,
    );
    const target = targetOf(org, address, child.pid);
    const cpuBefore = cpuSeconds(child.pid) ?? 0;
    const began = performance.now();
    await program.run(["channel", "join", "-b", block], directory, admin);
    const rpc = connect(target);
    try {
      while (await ask(rpc, target).catch(() => 0) < height) {
        if (performance.now() - began > catchUpTimeoutMs) throw new Error(`${name} is too slow`);
        await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    } finally {
      await rpc.close();
    }
    const seconds = (performance.now() - began) / 1_000;
    const cpu = (cpuSeconds(child.pid) ?? 0) - cpuBefore;
    const rate = transactions / seconds;
    console.log(
      `${name}, late: ${rate.toFixed(0)} tx/s, ${
        (cpu * 1_000 / transactions).toFixed(2)
      } ms of CPU ` +
        `each, holds ${residentMegabytes(child.pid)?.toFixed(0)} MB`,
    );
    return rate;
  } finally {
    child.kill("SIGTERM");
    await child.status;
    await logged;
  }
}

/** Every client endorses and hands over one transaction after the other. */
async function fill(network: Network, transactions: number): Promise<void> {
  const [org] = network.organizations;
  const target = targetOf(org, org.peerAddress, network.pid);
  let next = 0;
  await Promise.all(Array.from({ length: concurrentClients }, async () => {
    const peer = connect(target);
    const orderer = createRpcClient({
      address: network.ordererAddress,
      tls: { rootCertificates: [Deno.readTextFileSync(network.ordererTlsRootCertFile)] },
    });
    const stream = orderer.stream(AtomicBroadcast.method.broadcast);
    const answers = stream.responses[Symbol.asyncIterator]();
    try {
      while (next < transactions) {
        const args = ["create", `key${next++}`, "ann", "1"];
        const { proposal } = createProposal({
          channelId,
          invocation: invocationOf("asset", args),
          creator: target.signer.serialized,
          nonce: newNonce(),
          clock: wallClock,
        });
        const signed = signProposal(proposal, target.signer);
        const response = await peer.unary(Endorser.method.processProposal, signed);
        await stream.send(assembleTransaction(proposal, [response], target.signer));
        const { value } = await answers.next();
        if (value?.status !== 200) throw new Error(`the orderer answers ${value?.status}`);
      }
    } finally {
      stream.cancel();
      await Promise.all([peer.close(), orderer.close()]);
    }
  }));
}
