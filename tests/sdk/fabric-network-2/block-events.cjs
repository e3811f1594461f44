/** Block listeners of every type, and who gets private data with them. */
"use strict";

const assert = require("node:assert/strict");
const { Buffer } = require("node:buffer");
const path = require("node:path");
const { Gateway, Wallets } = require("fabric-network");
const { Collected } = require("../scenarios.cjs");
const { apps, discovery, marketplace, open, profileOf, contractOf, newId, heightOf } = require(
  "./support.cjs",
);

const blockEvents = {
  async "block listeners: filtered, full, and with private data"() {
    for (const type of ["filtered", "full", "private"]) {
      const { contract, network } = await contractOf();
      const blocks = new Collected();
      const listener = (event) => Promise.resolve(blocks.push(event));
      await network.addBlockListener(listener, { type });
      const id = newId();
      const transaction = contract.createTransaction("setPrice")
        .setTransient({ price: Buffer.from(`price of ${id}`) });
      const txId = transaction.getTransactionId();
      await transaction.submit(id);
      const transactionsIn = (items) => items.flatMap((block) => block.getTransactionEvents());
      await blocks.until((items) =>
        transactionsIn(items).some(({ transactionId }) => transactionId === txId)
      );
      const event = transactionsIn(blocks.items).find((one) => one.transactionId === txId);
      assert.equal(event.status, "VALID", type);
      assert.equal(event.getContractEvents()[0].eventName, "priced", type);
      const secret = JSON.stringify(event.privateData ?? null);
      if (type === "private") {
        const [namespace] = event.privateData.ns_pvt_rwset;
        assert.equal(namespace.namespace, marketplace);
        const [{ collection_name: collection, rwset }] = namespace.collection_pvt_rwset;
        assert.equal(collection, "prices");
        const values = JSON.stringify(
          rwset.writes.map(({ value }) => Buffer.from(value).toString()),
        );
        assert.match(values, new RegExp(`price of ${id}`));
      } else assert.equal(secret, "null", type);
      network.removeBlockListener(listener);
    }
  },

  async "an organisation outside a collection gets nothing of it, at a member's peer either"() {
    if (discovery) return; // it would find the own organisation's peers
    const member = await contractOf();
    // The other organisation's application, at this organisation's peer.
    const profile = profileOf("Org1MSP");
    const [peer] = profile.organizations.Org1.peers;
    profile.channels.mychannel.peers = { [peer]: {} };
    profile.peers = { [peer]: profile.peers[peer] };
    profile.organizations = { Org1: profile.organizations.Org1 };
    const stranger = new Gateway();
    open.push(stranger);
    await stranger.connect(profile, {
      wallet: await Wallets.newFileSystemWallet(path.join(apps, "Org2MSP", "wallet")),
      identity: "user1",
      discovery: { enabled: false },
    });
    const network = await stranger.getNetwork("mychannel");
    const seen = { member: new Collected(), stranger: new Collected() };
    const listening = { member: member.network, stranger: network };
    for (const who of ["member", "stranger"]) {
      const listener = (event) => {
        for (const one of event.getTransactionEvents()) seen[who].push(one);
        return Promise.resolve();
      };
      await listening[who].addBlockListener(listener, { type: "private" });
    }
    const id = newId();
    const transaction = member.contract.createTransaction("setNote")
      .setTransient({ note: Buffer.from("of Org1") });
    const txId = transaction.getTransactionId();
    await transaction.submit(id);
    const mine = ({ transactionId }) => transactionId === txId;
    const [told, hidden] = await Promise.all(["member", "stranger"].map(async (who) => {
      await seen[who].until((items) => items.some(mine));
      return JSON.stringify(seen[who].items.find(mine).privateData ?? null);
    }));
    assert.match(told, /"collection_name":"notes"/);
    assert.equal(hidden, "null");
    assert.equal((await member.contract.evaluateTransaction("note", id)).toString(), "of Org1");
    await assert.rejects(
      network.getContract(marketplace).evaluateTransaction("note", id),
      /tx creator does not have read access permission on privatedata/,
    );
  },

  async "blocks are replayed from the first, in order, each once"() {
    const { network, gateway } = await contractOf();
    const height = await heightOf(gateway);
    const numbers = new Collected();
    const listener = (event) => Promise.resolve(numbers.push(Number(event.blockNumber)));
    await network.addBlockListener(listener, { startBlock: 0 });
    await numbers.until((items) => items.length >= height);
    assert.deepEqual(numbers.items.slice(0, height), Array.from({ length: height }, (_, i) => i));
    network.removeBlockListener(listener);
  },
};

module.exports = { blockEvents };
