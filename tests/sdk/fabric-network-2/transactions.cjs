/** Transactions and queries, with every strategy, and how they fail. */
"use strict";

const assert = require("node:assert/strict");
const path = require("node:path");
const { DefaultEventHandlerStrategies, DefaultQueryHandlerStrategies, Wallets } = require(
  "fabric-network",
);
const { apps, contractOf, json, newId } = require("./support.cjs");

const transactions = {
  async "the wallet of denim up lists and loads its identities"() {
    const wallet = await Wallets.newFileSystemWallet(path.join(apps, "Org1MSP", "wallet"));
    assert.deepEqual((await wallet.list()).sort(), ["admin", "alice", "user1"]);
    const identity = await wallet.get("alice");
    assert.equal(identity.mspId, "Org1MSP");
    assert.equal(identity.type, "X.509");
    assert.match(identity.credentials.privateKey, /BEGIN PRIVATE KEY/);
  },

  async "submit gives the chaincode's result, evaluate reads it, at peers of both organisations"() {
    const { contract } = await contractOf();
    const id = newId();
    const result = await contract.submitTransaction("create", id, "ann", "7");
    assert.deepEqual(json(result), { id, owner: "ann", value: 7 });
    assert.deepEqual(json(await contract.evaluateTransaction("read", id)), {
      id,
      owner: "ann",
      value: 7,
    });
    const other = await contractOf("user1", {}, "Org2MSP");
    assert.equal(json(await other.contract.evaluateTransaction("read", id)).owner, "ann");
  },

  async "the transaction id is known before it is sent and is the chaincode's"() {
    const { contract } = await contractOf();
    const transaction = contract.createTransaction("txId");
    const id = transaction.getTransactionId();
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.equal((await transaction.evaluate()).toString(), id);
  },

  async "every commit strategy waits for the commit"() {
    for (const [name, strategy] of Object.entries(DefaultEventHandlerStrategies)) {
      const { contract } = await contractOf("user1", {
        eventHandlerOptions: { strategy, commitTimeout: 30, endorseTimeout: 30 },
      });
      const id = newId();
      await contract.submitTransaction("create", id, "ann", "1");
      if (name === "NONE") continue;
      assert.equal(json(await contract.evaluateTransaction("read", id)).id, id, name);
    }
  },

  async "every query strategy finds a peer"() {
    for (const [name, strategy] of Object.entries(DefaultQueryHandlerStrategies)) {
      const { contract } = await contractOf("user1", { queryHandlerOptions: { strategy } });
      for (let i = 0; i < 3; i++) {
        assert.equal(json(await contract.evaluateTransaction("whoami")).mspId, "Org1MSP", name);
      }
    }
  },

  async "what the chaincode throws reaches the application, in a query and a transaction"() {
    const { contract } = await contractOf();
    const id = newId();
    await assert.rejects(contract.evaluateTransaction("read", id), (error) => {
      assert.match(error.message, new RegExp(`${id} does not exist`));
      return true;
    });
    await contract.submitTransaction("create", id, "ann", "1");
    await assert.rejects(contract.submitTransaction("create", id, "ann", "1"), (error) => {
      assert.match(error.message, /No valid responses from any peers\. Errors:/);
      assert.match(error.message, /peer=.*, status=500, message=/);
      assert.match(error.message, new RegExp(`${id} exists already`));
      return true;
    });
  },

  async "a chaincode that is not there is named"() {
    const { network } = await contractOf();
    const contract = network.getContract("nowhere");
    await assert.rejects(contract.evaluateTransaction("read"), {
      message: /nowhere/,
    });
    await assert.rejects(contract.submitTransaction("read"), /nowhere/);
  },

  async "transactions that read the same key in one block: the loser sees MVCC_READ_CONFLICT"() {
    const { contract } = await contractOf();
    const id = newId();
    await contract.submitTransaction("create", id, "ann", "0");
    let conflict;
    for (let attempt = 0; attempt < 30 && !conflict; attempt++) {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 4 }, () => contract.submitTransaction("add", id, "1")),
      );
      // Endorsers may also have seen different states: then nothing was sent.
      conflict = outcomes.map(({ reason }) => reason?.message ?? "")
        .find((message) => message.includes("with status"));
    }
    assert.match(
      conflict ?? "",
      /Commit of transaction [0-9a-f]{64} failed on peer .* with status MVCC_READ_CONFLICT/,
    );
  },

  async "one organisation's endorsement is not enough: ENDORSEMENT_POLICY_FAILURE"() {
    const { contract, network } = await contractOf();
    const [peer] = network.getChannel().getEndorsers("Org1MSP");
    const transaction = contract.createTransaction("create").setEndorsingPeers([peer]);
    await assert.rejects(transaction.submit(newId(), "ann", "1"), {
      message:
        /Commit of transaction [0-9a-f]{64} failed on peer .* with status ENDORSEMENT_POLICY_FAILURE/,
    });
  },

  async "endorsing organisations are asked, and only those"() {
    const { contract } = await contractOf();
    const id = newId();
    await contract.createTransaction("create")
      .setEndorsingOrganizations("Org1MSP", "Org2MSP").submit(id, "ann", "1");
    assert.equal(json(await contract.evaluateTransaction("read", id)).id, id);
  },
};

module.exports = { transactions };
