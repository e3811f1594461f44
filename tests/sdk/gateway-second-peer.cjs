/** fabric-gateway applications of a peer that shares no process with the other peers. */
"use strict";

const assert = require("node:assert/strict");
const process = require("node:process");
const { TextDecoder } = require("node:util");
const grpc = require("@grpc/grpc-js");
const client = require("./gateway-client.cjs");
const { runScenarios } = require("./scenarios.cjs");

const { apps, address } = JSON.parse(process.argv[2]);
const profile = { ...client.profileOf(apps, "Org1MSP"), peerEndpoint: address };
const gateway = client.gatewayOf(apps, "Org1MSP", "user1", { client: client.newClient(profile) });
const network = gateway.getNetwork("mychannel");
const text = (bytes) => new TextDecoder().decode(bytes);

/** Peers learn of each other, and of new chaincode, by asking now and then. */
async function eventually(work, ms = 40_000) {
  const deadline = Date.now() + ms;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

runScenarios({
  async "endorsers of another organisation are found through discovery"() {
    const contract = network.getContract("strict");
    await eventually(() => contract.submitTransaction("put", "far", "away"));
    assert.equal(text(await contract.evaluateTransaction("get", "far")), "away");
  },

  async "the named organisation's peer is asked over the network"() {
    const contract = network.getContract("strict");
    const result = await contract.evaluate("echo", {
      arguments: ["from org2"],
      endorsingOrganizations: ["Org2MSP"],
    });
    assert.equal(text(result), "from org2");
  },

  async "a chaincode that this peer has not installed runs at another peer of the organisation"() {
    const contract = network.getContract("elsewhere");
    const result = await eventually(() => contract.evaluateTransaction("echo", "not here"));
    assert.equal(text(result), "not here");
    await contract.submitTransaction("put", "elsewhere", "too");
  },

  async "events and commit status come from this peer"() {
    const contract = network.getContract("strict");
    const commit = await contract.submitAsync("event", { arguments: ["far", "event"] });
    const { blockNumber, successful } = await commit.getStatus();
    assert.ok(successful);
    const events = await network.getChaincodeEvents("strict", { startBlock: blockNumber });
    for await (const event of events) {
      assert.equal(event.eventName, "far");
      break;
    }
    events.close();
  },

  async "errors name the peers by the addresses that they tell"() {
    const contract = network.getContract("elsewhere");
    await assert.rejects(contract.evaluateTransaction("fail", "no"), (error) => {
      assert.equal(error.code, grpc.status.UNKNOWN);
      assert.deepEqual(error.details.map(({ address, message }) => [address, message]), [
        [client.profileOf(apps, "Org1MSP").peerEndpoint, "chaincode response 500, no"],
      ]);
      return true;
    });
  },
}).finally(() => client.closeAll());
