"use strict";

const { join } = require("node:path");
const process = require("node:process");
const { FileSystemWallet, Gateway } = require("fabric-network");

/** What `denim up` wrote for the applications of an organisation; `denim env` tells where. */
const material = process.env.DENIM_APPS;
const [identity = "user1", id = `asset-${Date.now()}`] = process.argv.slice(2);

async function main() {
  if (!material) throw new Error('DENIM_APPS is not set: eval "$(denim env)"');
  const gateway = new Gateway();
  await gateway.connect(join(material, "connection.yaml"), {
    wallet: new FileSystemWallet(join(material, "wallet-1.4")),
    identity,
    discovery: { enabled: true, asLocalhost: true },
  });
  try {
    const network = await gateway.getNetwork("mychannel");
    const contract = network.getContract("asset");

    let listener;
    const created = new Promise((resolve, reject) => {
      const heard = (error, event) => {
        if (error) return reject(error);
        const asset = JSON.parse(event.payload.toString());
        if (asset.id === id) resolve(asset);
      };
      listener = contract.addContractListener("creations", "created", heard, { filtered: false });
    });
    await listener;

    await contract.submitTransaction("create", id, identity, "7");
    console.log(`event: ${JSON.stringify(await created)}`);

    await contract.submitTransaction("transfer", id, "carol");
    const asset = await contract.evaluateTransaction("read", id);
    console.log(`asset: ${asset}`);
    (await listener).unregister();
  } finally {
    gateway.disconnect();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
