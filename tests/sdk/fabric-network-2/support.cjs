/** What scenarios of fabric-network 2.2 share: connections, contracts, names. */
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const process = require("node:process");
const { Gateway, Wallets } = require("fabric-network");

const { apps } = JSON.parse(process.argv[2]);
const discovery = process.argv[3] === "discovery";
const marketplace = "market";
/** Runs against the same network do not meet. */
const prefix = `n2-${Date.now().toString(36)}`;
const open = [];

/** With discovery the own organisation's peer is enough: the SDK finds out about everything else. */
function profileOf(mspId) {
  const profile = JSON.parse(fs.readFileSync(path.join(apps, mspId, "connection.json"), "utf8"));
  if (!discovery) return profile;
  const name = profile.client.organization;
  const own = profile.organizations[name];
  const { version, client, peers } = profile;
  return {
    name: "one peer",
    version,
    client,
    organizations: { [name]: own },
    peers: Object.fromEntries(own.peers.map((peer) => [peer, peers[peer]])),
  };
}

/** A gateway of an identity out of the wallet that `denim up` wrote; closed at the end. */
async function connect(identity = "user1", options = {}, mspId = "Org1MSP") {
  const gateway = new Gateway();
  open.push(gateway);
  await gateway.connect(profileOf(mspId), {
    wallet: await Wallets.newFileSystemWallet(path.join(apps, mspId, "wallet")),
    identity,
    discovery: { enabled: discovery, asLocalhost: true },
    ...options,
  });
  return gateway;
}

async function contractOf(identity, options, mspId) {
  const gateway = await connect(identity, options, mspId);
  const network = await gateway.getNetwork("mychannel");
  return { gateway, network, contract: network.getContract(marketplace) };
}

const json = (bytes) => JSON.parse(bytes.toString());
let counter = 0;
const newId = () => `${prefix}-${++counter}`;

/** Number of blocks, from qscc's answer (protobuf: field 1, varint). */
async function heightOf(gateway) {
  const network = await gateway.getNetwork("mychannel");
  const info = await network.getContract("qscc").evaluateTransaction("GetChainInfo", "mychannel");
  let height = 0;
  for (let i = 1, shift = 0;; i++, shift += 7) {
    height += (info[i] & 0x7f) * 2 ** shift;
    if (info[i] < 0x80) return height;
  }
}

module.exports = {
  apps,
  discovery,
  marketplace,
  prefix,
  open,
  profileOf,
  contractOf,
  json,
  newId,
  heightOf,
};
