"use strict";

const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const process = require("node:process");
const { Gateway, Wallets } = require("fabric-network");

/** What `denim up` wrote for the applications of an organisation; `denim env` tells where. */
const material = process.env.DENIM_APPS;
const [identity = "user1", id = `asset-${Date.now()}`] = process.argv.slice(2);

async function main() {
  if (!material) throw new Error('DENIM_APPS is not set: eval "$(denim env)"');
  const profile = JSON.parse(readFileSync(join(material, "connection.json"), "utf8"));
  const gateway = new Gateway();
  await gateway.connect(profile, {
    wallet: await Wallets.newFileSystemWallet(join(material, "wallet")),
    identity,
    discovery: { enabled: true, asLocalhost: true },
  });
  try {
    const network = await gateway.getNetwork("mychannel");
    const contract = network.getContract("asset");

    let listener;
    const created = new Promise((resolve) => {
      listener = (event) => {
        const asset = JSON.parse(event.payload.toString());
        if (event.eventName === "created" && asset.id === id) resolve(asset);
        return Promise.resolve();
      };
    });
    await contract.addContractListener(listener);

    await contract.submitTransaction("create", id, identity, "7");
    console.log(`event: ${JSON.stringify(await created)}`);

    await contract.submitTransaction("transfer", id, "carol");
    const asset = await contract.evaluateTransaction("read", id);
    console.log(`asset: ${asset}`);

    try {
      await contract.submitTransaction("create", id, identity, "8");
    } catch (error) {
      console.log(`refused: ${/asset \S+ already exists/.exec(error.message)}`);
    }
    contract.removeContractListener(listener);
  } finally {
    gateway.disconnect();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
