/** Discovery of a running network, asked over TLS, and of a peer in another process that joins it. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { systemClock } from "../src/base/clock.ts";
import { LogSpec } from "../src/base/log-spec.ts";
import { LogWriter } from "../src/base/log-writer.ts";
import { configOf } from "../src/config/load.ts";
import { sha256 } from "../src/crypto/hash.ts";
import { decodePem } from "../src/crypto/pem.ts";
import { createPortableProvider } from "../src/crypto/portable.ts";
import { introductionOf } from "../src/discovery/introductions.ts";
import { SelfDescription } from "../src/discovery/self-description.ts";
import { Membership } from "../src/gen/denim/membership_pb.ts";
import { BlockSchema } from "../src/gen/common/common_pb.ts";
import {
  Discovery,
  type PeerMembershipResult,
  type QuerySchema,
  RequestSchema,
  SignedRequestSchema,
} from "../src/gen/discovery/protocol_pb.ts";
import { GossipMessageSchema } from "../src/gen/gossip/message_pb.ts";
import { loadSigningIdentity } from "../src/msp/signing-identity.ts";
import { PeerNode } from "../src/node/peer-node.ts";
import { createRpcClient } from "../src/rpc/client.ts";
import { assetExample, Workplace } from "./support/denim.ts";
import { until } from "./support/until.ts";

type Query = MessageInitShape<typeof QuerySchema>;

const channel = "mychannel";
const peersQuery: Query = { channel, query: { case: "peerQuery", value: {} } };
const configQuery: Query = { channel, query: { case: "configQuery", value: {} } };

/** Who endorses `asset`, with collections of it. */

const interestIn = (collectionNames: string[] = []): Query => ({
  channel,
  query: {
    case: "ccQuery",
    value: { interests: [{ chaincodes: [{ name: "asset", collectionNames }] }] },
  },
});

const orgFolder = (work: Workplace, org: number) =>
  join(work.directory, `.denim/crypto-config/peerOrganizations/org${org}.example.com`);

/** Asks the peer as a user of an organisation, over TLS with the user's TLS certificate. */
async function ask(
  work: Workplace,
  options: { org: number; user?: string; address: string; tlsHash?: Uint8Array },
  queries: Query[],
) {
  const { org, user = "User1", address } = options;
  const folder = `${orgFolder(work, org)}/users/${user}@org${org}.example.com`;
  const signer = loadSigningIdentity(`${folder}/msp`, `Org${org}MSP`, createPortableProvider());
  const certificate = readFileSync(`${folder}/tls/client.crt`, "utf8");
  const roots = [1, 2].map((one) =>
    readFileSync(`${orgFolder(work, one)}/peers/peer0.org${one}.example.com/tls/ca.crt`, "utf8")
  );
  const client = createRpcClient({
    address,
    tls: {
      rootCertificates: roots,
      certificate,
      key: readFileSync(`${folder}/tls/client.key`, "utf8"),
    },
  });
  try {
    const payload = toBinary(
      RequestSchema,
      create(RequestSchema, {
        authentication: {
          clientIdentity: signer.serialized,
          clientTlsCertHash: options.tlsHash ?? sha256(decodePem(certificate)!.bytes),
        },
        queries,
      }),
    );
    const request = create(SignedRequestSchema, { payload, signature: signer.sign(payload) });
    const { results } = await client.unary(Discovery.method.discover, request, {
      timeoutMs: 20_000,
    });
    return results.map(({ result }) => result);
  } finally {
    await client.close();
  }
}

/** `Org1MSP localhost:7051 asset@1.0` of each peer. */
function described({ peersByOrg }: PeerMembershipResult): string[] {
  return Object.entries(peersByOrg).flatMap(([mspId, { peers }]) =>
    peers.map(({ membershipInfo, stateInfo }) => {
      const alive = fromBinary(GossipMessageSchema, membershipInfo!.payload).content;
      assert.equal(alive.case, "aliveMsg");
      const state = stateInfo && fromBinary(GossipMessageSchema, stateInfo.payload).content;
      const chaincodes = state?.case === "stateInfo"
        ? state.value.properties!.chaincodes.map(({ name, version }) => ` ${name}@${version}`)
        : [];
      return `${mspId} ${alive.value.membership!.endpoint}${chaincodes.join("")}`;
    })
  ).sort();
}

/** Asks again until the answer is the expected one. */
async function answersAtLast(
  expected: string,
  answer: () => Promise<string>,
  log: readonly string[] = [],
): Promise<void> {
  let last = "";
  await until(
    () => `${last}, not ${expected}\n${log.join("\n")}`,
    async () => (last = await answer()) === expected,
  );
}

Deno.test("discovery tells of peers, configuration and endorsers of a running network", async (t) => {
  await using work = new Workplace();
  await work.up("--orgs", "2", "--runtime", "process");
  const [first, second] = work.network().organizations.map(({ peerAddress }) => peerAddress);
  const forOrg = (mspId: string) => ({ environment: { CORE_PEER_LOCALMSPID: mspId } });
  for (const mspId of ["Org1MSP", "Org2MSP"]) {
    await work.ok(
      ["chaincode", "install", "-l", "node", "-n", "asset", "-v", "1.0", "-p", assetExample],
      forOrg(mspId),
    );
  }
  const collections = join(work.directory, "collections.json");
  const collection = (name: string, policy: string) => ({
    ...{ name, policy, requiredPeerCount: 0, maxPeerCount: 1, blockToLive: 0 },
  });
  writeFileSync(
    collections,
    JSON.stringify([collection("both", "OR('Org1MSP.member','Org2MSP.member')"), {
      ...collection("second", "OR('Org2MSP.member')"),
    }]),
  );
  await work.ok([
    ...["chaincode", "instantiate", "-C", channel, "-n", "asset", "-v", "1.0"],
    ...["-c", '{"Args":["init"]}', "-P", "OutOf(1,'Org1MSP.peer','Org2MSP.peer')"],
    ...["--collections-config", collections],
  ]);

  await t.step("one request, answers in its order", async () => {
    const [peers, both, config, onlySecond, unknown] = await ask(
      work,
      { org: 1, address: first },
      [peersQuery, interestIn(["both"]), configQuery, interestIn(["second"]), {
        ...interestIn(["third"]),
      }],
    );
    assert.equal(peers.case, "members");
    assert.deepEqual(described(peers.value), [
      `Org1MSP ${first} asset@1.0`,
      `Org2MSP ${second} asset@1.0`,
    ]);
    assert.equal(both.case, "ccQueryRes");
    assert.equal(both.value.content[0].layouts.length, 2);
    assert.equal(config.case, "configResult");
    assert.deepEqual(
      Object.keys(config.value.msps).sort(),
      ["OrdererMSP", "Org1MSP", "Org2MSP"],
    );
    const { ordererAddress } = work.network();
    const { host, port } = config.value.orderers.OrdererMSP.endpoint[0];
    assert.equal(`${host}:${port}`, ordererAddress);
    assert.equal(onlySecond.case, "ccQueryRes");
    const [{ endorsersByGroups, layouts }] = onlySecond.value.content;
    assert.deepEqual(layouts.map((one) => Object.values(one.quantitiesByGroup)), [[1]]);
    assert.equal(Object.keys(endorsersByGroups).length, 1);
    assert.equal(unknown.case, "error");
    assert.match(
      unknown.value.content,
      /^failed constructing descriptor for chaincodes:<name:"asset"/,
    );
  });

  await t.step("local peers are for the organisation's own administrators", async () => {
    const query: Query = { query: { case: "localPeers", value: {} } };
    const asked = async (org: number, user: string) =>
      (await ask(work, { org, user, address: first }, [query]))[0];
    const admin = await asked(1, "Admin");
    assert.equal(admin.case, "members");
    assert.deepEqual(described(admin.value), [`Org1MSP ${first}`, `Org2MSP ${second}`]);
    for (const other of [await asked(1, "User1"), await asked(2, "Admin")]) {
      assert.equal(other.case, "error");
      assert.equal(other.value.content, "access denied");
    }
  });

  await t.step("a request bound to another TLS certificate is refused", async () => {
    await assert.rejects(
      ask(work, { org: 1, address: first, tlsHash: new Uint8Array(32) }, [peersQuery]),
      /client claimed TLS hash doesn't match computed TLS hash from gRPC stream/,
    );
  });

  await t.step("who is known to be no peer cannot introduce itself as one", async () => {
    const folder = `${orgFolder(work, 1)}/users/User1@org1.example.com`;
    const user = new SelfDescription({
      signer: loadSigningIdentity(`${folder}/msp`, "Org1MSP", createPortableProvider()),
      externalEndpoint: "user:1",
      stateOf: () => ({ ledgerHeight: 1n, chaincodes: [{ name: "asset", version: "1.0" }] }),
      clock: systemClock,
    });
    const introduction = introductionOf((id) => user.memberIn(id), [channel, "nosuch"]);
    const client = createRpcClient({
      address: first,
      tls: { rootCertificates: [readFileSync(`${folder}/tls/ca.crt`, "utf8")] },
    });
    try {
      const { channels } = await client.unary(Membership.method.introduce, introduction!);
      assert.equal(channels, 0);
    } finally {
      await client.close();
    }
  });

  await t.step("a peer of another process learns of all, and all learn of it", async () => {
    const genesis = join(work.directory, "mychannel.block");
    await work.ok(["channel", "fetch", "0", "-c", channel, genesis]);
    await work.ok(["enroll", "peer1", "--type", "peer", "--org", "Org2MSP"]);
    const folder = orgFolder(work, 2);
    const tls = `${folder}/peers/peer0.org2.example.com/tls`;
    const lines: string[] = [];
    const { peerConfig } = configOf({}, undefined, work.directory).with({
      "peer.id": "peer1",
      "peer.address": "localhost:0",
      "peer.listenAddress": "127.0.0.1:0",
      "peer.chaincodeListenAddress": "127.0.0.1:0",
      "peer.localMspId": "Org2MSP",
      "peer.mspConfigPath": `${folder}/users/peer1@org2.example.com/msp`,
      "peer.fileSystemPath": join(work.directory, "peer1"),
      "peer.tls.enabled": true,
      "peer.tls.cert.file": `${tls}/server.crt`,
      "peer.tls.key.file": `${tls}/server.key`,
      "peer.tls.rootcert.file": `${tls}/ca.crt`,
      "peer.gossip.bootstrap": second,
      "peer.discovery.client.mspConfigPath": `${folder}/users/User1@org2.example.com/msp`,
      "peer.gossip.externalEndpoint": "peer1:1",
      "operations.listenAddress": "",
    });
    const node = await PeerNode.start({
      config: peerConfig,
      clock: systemClock,
      log: new LogWriter({
        write: (line) => lines.push(line),
        clock: systemClock,
        spec: LogSpec.parse("info"),
        coloured: false,
      }),
      environment: Deno.env.toObject(),
    });
    try {
      node.channels.join(channel, fromBinary(BlockSchema, readFileSync(genesis)));
      const all = [
        `Org1MSP ${first} asset@1.0`,
        `Org2MSP ${second} asset@1.0`,
        "Org2MSP peer1:1",
      ].sort();
      for (const address of [node.address, second]) {
        await answersAtLast(all.join(), async () => {
          const [answer] = await ask(work, { org: 1, address }, [peersQuery]);
          return answer.case === "members" ? described(answer.value).join() : answer.case ?? "";
        }, lines);
      }
    } finally {
      await node.close();
    }
  });

  await t.step("who lacks the version in force is no endorser", async () => {
    const [name, version] = [["-n", "asset"], ["-v", "2.0"]];
    const package2 = [...name, ...version, "-l", "node", "-p", assetExample];
    await work.ok(["chaincode", "install", ...package2]);
    await work.ok([
      ...["chaincode", "upgrade", "-C", channel, ...name, ...version],
      ...["-c", '{"Args":["init"]}', "-P", "OutOf(1,'Org1MSP.peer','Org2MSP.peer')"],
    ]);
    for (const address of [first, second]) {
      await answersAtLast(`Org1MSP ${first} asset@2.0`, async () => {
        const [peers] = await ask(work, { org: 1, address }, [peersQuery]);
        assert.equal(peers.case, "members");
        return described(peers.value).filter((peer) => peer.includes("asset")).join();
      });
      const [endorsers] = await ask(work, { org: 1, address }, [interestIn()]);
      assert.equal(endorsers.case, "ccQueryRes");
      assert.equal(endorsers.value.content[0].layouts.length, 1);
    }
  });
});
