/** Contract listeners: full and filtered, replayed, with checkpoints. */
"use strict";

const assert = require("node:assert/strict");
const path = require("node:path");
const process = require("node:process");
const { DefaultCheckpointers } = require("fabric-network");
const Long = require("long");
const { Collected } = require("../scenarios.cjs");
const { marketplace, prefix, contractOf, newId, heightOf } = require("./support.cjs");

const contractEvents = {
  async "contract listeners get events with their payload"() {
    const { contract } = await contractOf();
    const events = new Collected();
    const listener = (event) => Promise.resolve(events.push(event));
    await contract.addContractListener(listener);
    const id = newId();
    await contract.submitTransaction("create", id, "ann", "5");
    const mine = (event) => event.payload?.toString().includes(`"${id}"`);
    await events.until((items) => items.some(mine));
    const event = events.items.find(mine);
    assert.equal(event.eventName, "created");
    assert.equal(event.chaincodeId, marketplace);
    assert.equal(event.getTransactionEvent().isValid, true);
    assert.equal(event.getTransactionEvent().status, "VALID");
    contract.removeContractListener(listener);
  },

  async "filtered contract listeners get events without payload"() {
    const { contract } = await contractOf();
    const events = new Collected();
    const listener = (event) => Promise.resolve(events.push(event));
    await contract.addContractListener(listener, { type: "filtered" });
    const transaction = contract.createTransaction("create");
    const txId = transaction.getTransactionId();
    await transaction.submit(newId(), "ann", "5");
    const mine = (event) => event.getTransactionEvent().transactionId === txId;
    await events.until((items) => items.some(mine));
    const event = events.items.find(mine);
    assert.equal(event.eventName, "created");
    assert.ok(!event.payload?.length);
    contract.removeContractListener(listener);
  },

  async "events are replayed from a block"() {
    const { contract } = await contractOf();
    const events = new Collected();
    const first = newId();
    await contract.submitTransaction("create", first, "ann", "5");
    const listener = (event) => Promise.resolve(events.push(event));
    await contract.addContractListener(listener, { startBlock: 0 });
    const has = (id) => (items) => items.some(({ payload }) => payload.includes(`"${id}"`));
    await events.until(has(first));
    const second = newId();
    await contract.submitTransaction("create", second, "ann", "5");
    await events.until(has(second));
    const ids = events.items.map((event) => event.getTransactionEvent().transactionId);
    assert.equal(new Set(ids).size, ids.length, "an event came twice");
    contract.removeContractListener(listener);
  },

  async "a file checkpointer goes on where the application stopped"() {
    const file = path.join(process.cwd(), `${prefix}-checkpoint.json`);
    const seen = [];
    const ids = [];
    for (let run = 0; run < 3; run++) {
      const { contract, gateway } = await contractOf();
      const events = new Collected();
      const checkpointer = await DefaultCheckpointers.file(file);
      if (run === 0) {
        await checkpointer.setBlockNumber(Long.fromNumber(await heightOf(gateway)));
      }
      const before = await checkpointer.getBlockNumber();
      const listener = (event) => Promise.resolve(events.push(event.payload.toString()));
      await contract.addContractListener(listener, { checkpointer });
      const id = newId();
      ids.push(id);
      await contract.submitTransaction("create", id, "ann", "1");
      await events.until((items) => items.some((text) => text.includes(`"${id}"`)));
      // The checkpointer is told after the listener has returned.
      while (
        (await checkpointer.getTransactionIds()).size > 0 ||
        !(await checkpointer.getBlockNumber()).gt(before)
      ) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      seen.push(...events.items);
      contract.removeContractListener(listener);
      gateway.disconnect();
      // While nobody listens, something happens.
      const offline = newId();
      ids.push(offline);
      const other = await contractOf();
      await other.contract.submitTransaction("create", offline, "ann", "1");
    }
    // The last one happened after the last listener was gone.
    const expected = ids.slice(0, -1);
    const got = seen.map((text) => JSON.parse(text).id);
    for (const id of expected) {
      assert.ok(got.filter((one) => one === id).length >= 1, `${id} is missing in ${got}`);
    }
    assert.equal(new Set(got).size, got.length, `an event came twice: ${got}`);
  },
};

module.exports = { contractEvents };
