/**
 * An application of fabric-gateway: node app.js NAME ASSET
 *
 * It finds the network in $DENIM_APPS, as `denim env` prints it; gateway.json there tells the peer's
 * address and where certificates and keys are.
 */
"use strict";

const { createPrivateKey } = require("node:crypto");
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const process = require("node:process");
const { TextDecoder } = require("node:util");
const grpc = require("@grpc/grpc-js");
const { connect, hash, signers } = require("@hyperledger/fabric-gateway");

const [name, asset] = process.argv.slice(2);
const profile = JSON.parse(readFileSync(join(process.env.DENIM_APPS, "gateway.json"), "utf8"));
const text = (bytes) => new TextDecoder().decode(bytes);

/** One connection serves any number of gateways. */
function newClient() {
  const credentials = grpc.credentials.createSsl(readFileSync(profile.tlsCertPath));
  return new grpc.Client(profile.peerEndpoint, credentials, {
    "grpc.ssl_target_name_override": profile.peerHostAlias,
  });
}

async function main() {
  const { certPath, keyPath } = profile.identities[name];
  const client = newClient();
  const gateway = connect({
    client,
    identity: { mspId: profile.mspId, credentials: readFileSync(certPath) },
    signer: signers.newPrivateKeySigner(createPrivateKey(readFileSync(keyPath))),
    hash: hash.sha256,
    evaluateOptions: () => ({ deadline: Date.now() + 5_000 }),
    endorseOptions: () => ({ deadline: Date.now() + 15_000 }),
    submitOptions: () => ({ deadline: Date.now() + 5_000 }),
    commitStatusOptions: () => ({ deadline: Date.now() + 60_000 }),
  });
  try {
    const network = gateway.getNetwork(profile.channel);
    const contract = network.getContract("asset");

    // Submitted and committed when this resolves.
    await contract.submitTransaction("create", asset, name, "7");

    // Or step by step: the result is there before the commit.
    const commit = await contract.submitAsync("transfer", { arguments: [asset, "carol"] });
    console.log(`transferred: ${text(commit.getResult())}`);
    const { successful, blockNumber } = await commit.getStatus();
    if (!successful) throw new Error("the transfer was not valid");

    console.log(`asset: ${text(await contract.evaluateTransaction("read", asset))}`);

    // Events from a block on; a checkpointer would remember how far this got.
    const events = await network.getChaincodeEvents("asset", { startBlock: blockNumber });
    for await (const event of events) {
      console.log(`event: ${event.eventName} ${text(event.payload)}`);
      break;
    }
    events.close();

    try {
      await contract.submitTransaction("create", asset, name, "7");
    } catch (error) {
      // Each peer that was asked gives its reason.
      for (const { mspId, message } of error.details) {
        console.log(`refused by ${mspId}: ${message}`);
      }
    }
  } finally {
    gateway.close();
    client.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
