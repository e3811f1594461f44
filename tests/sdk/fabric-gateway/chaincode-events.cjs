/** Events of chaincode: live, replayed and from checkpoints. */
"use strict";

const assert = require("node:assert/strict");
const path = require("node:path");
const { checkpointers, CommitError } = require("@hyperledger/fabric-gateway");
const {
  strict,
  lenient,
  text,
  newKey,
  networkOf,
  contractOf,
  failure,
  collect,
  last,
  eventText,
  listening,
} = require("./support.cjs");

const chaincodeEvents = {
  async "events arrive with name, payload, transaction and block"() {
    const events = collect(await networkOf().getChaincodeEvents(strict));
    const commits = [];
    await listening(events, async () => {
      const commit = await contractOf(strict).submitAsync("event", {
        arguments: ["foo", "bar"],
      });
      commits.push(await commit.getStatus());
    });
    const [event] = events.items;
    assert.equal(eventText(event), "foo=bar");
    assert.equal(event.chaincodeName, strict);
    const commit = commits.find(({ transactionId }) => transactionId === event.transactionId);
    assert.equal(event.blockNumber, commit.blockNumber);
    await events.close();
  },

  async "events are replayed from a block"() {
    const commit = await contractOf(strict).submitAsync("event", {
      arguments: ["again", "1"],
    });
    const { blockNumber, transactionId } = await commit.getStatus();
    const events = collect(
      await networkOf().getChaincodeEvents(strict, { startBlock: blockNumber }),
    );
    await events.until((items) => items.some((one) => one.transactionId === transactionId));
    assert.ok(events.items.every((one) => one.blockNumber >= blockNumber));
    await events.close();
  },

  async "a listener that went on from a checkpoint gets each event once, in order"() {
    const checkpointer = checkpointers.inMemory();
    const contract = contractOf(strict);
    const name = `checkpoint-${newKey()}`;
    const first = await contract.submitAsync("event", {
      arguments: [name, "0"],
    });
    const { blockNumber } = await first.getStatus();
    const seen = [];
    for (let round = 0; round < 4; round++) {
      const commit = await contract.submitAsync("event", {
        arguments: [name, String(round + 1)],
      });
      await commit.getStatus();
      const stream = await networkOf().getChaincodeEvents(strict, {
        checkpoint: checkpointer,
        startBlock: blockNumber,
      });
      for await (const event of stream) {
        if (event.eventName === name) seen.push(text(event.payload));
        await checkpointer.checkpointChaincodeEvent(event);
        if (seen.length === round + 1) break;
      }
      stream.close();
    }
    assert.deepEqual(seen, ["0", "1", "2", "3"]);
  },

  async "several events of one block: the checkpoint falls between them"() {
    const contract = contractOf(strict);
    const name = `many-${newKey()}`;
    const prepared = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        contract.newProposal("event", {
          arguments: [`${name}-${i}`, String(i)],
        }).endorse()),
    );
    const submitted = await Promise.all(
      prepared.map((transaction) => transaction.submit()),
    );
    const statuses = await Promise.all(
      submitted.map((commit) => commit.getStatus()),
    );
    const from = statuses.map(({ blockNumber }) => blockNumber).sort((a, b) => a < b ? -1 : 1)[0];
    const checkpointer = checkpointers.inMemory();
    const seen = [];
    while (seen.length < 12) {
      const stream = await networkOf().getChaincodeEvents(strict, {
        checkpoint: checkpointer,
        startBlock: from,
      });
      for await (const event of stream) {
        await checkpointer.checkpointChaincodeEvent(event);
        if (!event.eventName.startsWith(name)) continue;
        seen.push(event.transactionId);
        break;
      }
      stream.close();
    }
    assert.equal(new Set(seen).size, 12);
  },

  async "a checkpoint in a file survives the application"() {
    const file = path.resolve(`checkpoint-${Date.now()}.json`);
    const name = `file-${newKey()}`;
    const commit = await contractOf(strict).submitAsync("event", {
      arguments: [name, "1"],
    });
    const { blockNumber, transactionId } = await commit.getStatus();
    const saved = await checkpointers.file(file);
    await saved.checkpointTransaction(blockNumber, transactionId);
    await saved.close?.();
    await contractOf(strict).submitTransaction("event", name, "2");
    const restored = await checkpointers.file(file);
    const stream = await networkOf().getChaincodeEvents(strict, {
      checkpoint: restored,
    });
    for await (const event of stream) {
      assert.equal(eventText(event), `${name}=2`);
      break;
    }
    stream.close();
    await restored.close?.();
  },

  async "only events of the chaincode that was asked for, and of valid transactions"() {
    const start = await (await contractOf(strict).submitAsync("event", {
      arguments: ["begin", ""],
    }))
      .getStatus();
    await contractOf(lenient).submitTransaction("event", "other", "chaincode");
    await failure(
      contractOf(strict).submit("event", {
        arguments: ["invalid", "transaction"],
        endorsingOrganizations: ["Org1MSP"],
      }),
      CommitError,
    );
    await contractOf(strict).submitTransaction("event", "end", "");
    const events = collect(
      await networkOf().getChaincodeEvents(strict, {
        startBlock: start.blockNumber,
      }),
    );
    const items = await events.until((all) => all.some(({ eventName }) => eventName === "end"));
    assert.deepEqual(items.map(({ eventName }) => eventName), ["begin", "end"]);
    await events.close();
  },

  async "closing one listener leaves the others"() {
    const [one, other] = [
      collect(await networkOf().getChaincodeEvents(strict)),
      collect(await networkOf().getChaincodeEvents(strict)),
    ];
    const send = () => contractOf(strict).submitTransaction("event", "to", "both");
    await listening(one, send);
    await listening(other, send);
    await one.close();
    const before = other.items.length;
    await contractOf(strict).submitTransaction("event", "to", "one");
    await other.until((items) => items.length > before && eventText(last(items)) === "to=one");
    await other.close();
  },
};

module.exports = { chaincodeEvents };
