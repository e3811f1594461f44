/** The network as an application finds it: endpoints, system chaincode, many at once, strangers. */
"use strict";

const assert = require("node:assert/strict");
const path = require("node:path");
const { Wallets } = require("fabric-network");
const { Collected } = require("../scenarios.cjs");
const { apps, discovery, contractOf, json, newId } = require("./support.cjs");

const network = {
  async "discovered endpoints work as they are, without asLocalhost"() {
    const { contract } = await contractOf("user1", {
      discovery: { enabled: discovery, asLocalhost: false },
    });
    const id = newId();
    await contract.submitTransaction("create", id, "ann", "1");
    assert.equal(json(await contract.evaluateTransaction("read", id)).id, id);
  },

  async "commit listeners hear from every peer"() {
    const { contract, network } = await contractOf();
    const peers = network.getChannel().getEndorsers();
    assert.equal(peers.length, 2);
    const transaction = contract.createTransaction("create");
    const commits = new Collected();
    const listener = (error, event) => commits.push(error ?? event);
    await network.addCommitListener(listener, peers, transaction.getTransactionId());
    await transaction.submit(newId(), "ann", "1");
    await commits.until((items) => items.length >= 2);
    assert.deepEqual(commits.items.map(({ status }) => status), ["VALID", "VALID"]);
    assert.equal(new Set(commits.items.map(({ peer }) => peer.name)).size, 2);
    network.removeCommitListener(listener);
  },

  async "system chaincode answers: qscc and cscc"() {
    const { network } = await contractOf("admin");
    const info = await network.getContract("qscc").evaluateTransaction("GetChainInfo", "mychannel");
    assert.ok(info.length > 32);
    const channels = await network.getContract("cscc").evaluateTransaction("GetChannels");
    assert.ok(channels.includes("mychannel"));
  },

  async "forty transactions at once"() {
    const { contract } = await contractOf();
    const base = newId();
    // The SDK's first transaction opens its event stream, and only that one waits for it: others
    // sent at the same time could be committed before anybody listens.
    await contract.submitTransaction("create", base, "ann", "0");
    await Promise.all(
      Array.from(
        { length: 40 },
        (_, i) => contract.submitTransaction("create", `${base}-m${i}`, "ann", String(i)),
      ),
    );
    const all = json(await contract.evaluateTransaction("range", `${base}-m`, `${base}-n`));
    assert.equal(all.length, 40);
  },

  async "an identity that the channel does not know is refused"() {
    const wallet = await Wallets.newInMemoryWallet();
    const real = await (await Wallets.newFileSystemWallet(path.join(apps, "Org1MSP", "wallet")))
      .get("user1");
    await wallet.put("stranger", { ...real, mspId: "Org9MSP" });
    const refused = async () => {
      const { contract } = await contractOf("stranger", { wallet });
      await contract.evaluateTransaction("whoami");
    };
    await assert.rejects(refused, /access denied|Failed to connect|DiscoveryService/i);
  },
};

module.exports = { network };
