/** Block events of all three kinds. */
"use strict";

const assert = require("node:assert/strict");
const { checkpointers } = require("@hyperledger/fabric-gateway");
const { common, peer } = require("@hyperledger/fabric-protos");
const { strict, lenient, newKey, networkOf, contractOf, collect, listening } = require(
  "./support.cjs",
);

/** How to listen for each kind of block events, and how to read a block's number. */
const blockKinds = {
  block: {
    listen: (network, options) => network.getBlockEvents(options),
    checkpoint: (checkpointer, block) =>
      checkpointer.checkpointBlock(BigInt(block.getHeader().getNumber())),
    number: (block) => BigInt(block.getHeader().getNumber()),
    check: (block) => assert.ok(block instanceof common.Block),
  },
  "filtered block": {
    listen: (network, options) => network.getFilteredBlockEvents(options),
    checkpoint: (checkpointer, block) => checkpointer.checkpointBlock(BigInt(block.getNumber())),
    number: (block) => BigInt(block.getNumber()),
    check: (block) => assert.ok(block instanceof peer.FilteredBlock),
  },
  "block and private data": {
    listen: (network, options) => network.getBlockAndPrivateDataEvents(options),
    checkpoint: (checkpointer, block) =>
      checkpointer.checkpointBlock(
        BigInt(block.getBlock().getHeader().getNumber()),
      ),
    number: (block) => BigInt(block.getBlock().getHeader().getNumber()),
    check: (block) => assert.ok(block instanceof peer.BlockAndPrivateData),
  },
};

function blockScenarios(kind, { listen, number, check, checkpoint }) {
  const send = () => contractOf(strict).submitTransaction("put", newKey(), "v");
  const committed = async () => {
    const commit = await contractOf(strict).submitAsync("put", {
      arguments: [newKey(), "v"],
    });
    return (await commit.getStatus()).blockNumber;
  };
  return {
    async [`${kind} events arrive, and again after closing`]() {
      for (let round = 0; round < 2; round++) {
        const events = collect(await listen(networkOf()));
        await listening(events, send);
        check(events.items[0]);
        await events.close();
      }
    },

    async [`${kind} events are replayed from a block`]() {
      const blockNumber = await committed();
      const events = collect(
        await listen(networkOf(), { startBlock: blockNumber }),
      );
      const [first] = await events.until((items) => items.length > 0);
      assert.equal(number(first), blockNumber);
      await events.close();
    },

    async [`${kind} events go on from a checkpoint`]() {
      const checkpointer = checkpointers.inMemory();
      const first = await committed();
      let stream = await listen(networkOf(), {
        startBlock: first,
        checkpoint: checkpointer,
      });
      for await (const block of stream) {
        assert.equal(number(block), first);
        await checkpoint(checkpointer, block);
        break;
      }
      stream.close();
      await committed();
      stream = await listen(networkOf(), {
        startBlock: first,
        checkpoint: checkpointer,
      });
      for await (const block of stream) {
        assert.equal(number(block), first + 1n);
        break;
      }
      stream.close();
    },

    async [`closing one listener of ${kind} events leaves the others`]() {
      const [one, other] = [
        collect(await listen(networkOf())),
        collect(await listen(networkOf())),
      ];
      await listening(one, send);
      await listening(other, send);
      await one.close();
      const blockNumber = await committed();
      await other.until((items) => items.some((block) => number(block) === blockNumber));
      await other.close();
    },
  };
}

const blockEvents = {
  ...Object.assign(
    {},
    ...Object.entries(blockKinds).map(([kind, how]) => blockScenarios(kind, how)),
  ),

  async "block and private data events bring the private writes that this client may see"() {
    const key = newKey();
    const commit = await contractOf(lenient).submitAsync("putPrivate", {
      arguments: [key, "org1", "org2"],
      transientData: { value: "seen" },
      endorsingOrganizations: ["Org1MSP"],
    });
    const { blockNumber } = await commit.getStatus();
    const stream = await networkOf().getBlockAndPrivateDataEvents({
      startBlock: blockNumber,
    });
    for await (const block of stream) {
      const sets = [...block.getPrivateDataMapMap().entries()].flatMap((
        [, set],
      ) =>
        set.getNsPvtRwsetList().flatMap((namespace) =>
          namespace.getCollectionPvtRwsetList().map((one) => one.getCollectionName())
        )
      );
      assert.deepEqual(sets, ["org1"]);
      break;
    }
    stream.close();
  },
};

module.exports = { blockEvents };
