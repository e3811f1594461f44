/** Every message signed outside of the SDK. */
"use strict";

const assert = require("node:assert/strict");
const { connect, hash } = require("@hyperledger/fabric-gateway");
const client = require("../gateway-client.cjs");
const { apps, channel, strict, text, eventText } = require("./support.cjs");

const offlineSigning = {
  async "without a signer nothing goes through"() {
    const profile = client.profileOf(apps, "Org1MSP");
    const gateway = connect({
      client: client.newClient(profile),
      identity: client.identityOf(profile, "user1"),
      hash: hash.sha256,
    });
    const contract = gateway.getNetwork(channel).getContract(strict);
    for (
      const call of [
        () => contract.evaluateTransaction("echo", "x"),
        () => contract.submitTransaction("echo", "x"),
      ]
    ) {
      await assert.rejects(call, /off-line|signing|signature/i);
    }
    gateway.close();
  },

  async "every step can be signed elsewhere"() {
    const profile = client.profileOf(apps, "Org1MSP");
    const sign = client.signerOf(profile, "user1");
    const gateway = connect({
      client: client.newClient(profile),
      identity: client.identityOf(profile, "user1"),
      hash: hash.sha256,
    });
    const network = gateway.getNetwork(channel);
    const contract = network.getContract(strict);
    const signed = async (unsigned, restore) =>
      restore(unsigned.getBytes(), await sign(unsigned.getDigest()));

    const query = await signed(
      contract.newProposal("echo", { arguments: ["offline"] }),
      (bytes, signature) => gateway.newSignedProposal(bytes, signature),
    );
    assert.equal(text(await query.evaluate()), "offline");

    const proposal = await signed(
      contract.newProposal("event", { arguments: ["offline", "signed"] }),
      (bytes, signature) => gateway.newSignedProposal(bytes, signature),
    );
    const transaction = await signed(
      await proposal.endorse(),
      (bytes, signature) => gateway.newSignedTransaction(bytes, signature),
    );
    const commit = await signed(
      await transaction.submit(),
      (bytes, signature) => gateway.newSignedCommit(bytes, signature),
    );
    const status = await commit.getStatus();
    assert.ok(status.successful);

    const request = await signed(
      network.newChaincodeEventsRequest(strict, {
        startBlock: status.blockNumber,
      }),
      (bytes, signature) => gateway.newSignedChaincodeEventsRequest(bytes, signature),
    );
    const events = await request.getEvents();
    for await (const event of events) {
      assert.equal(eventText(event), "offline=signed");
      break;
    }
    events.close();

    const blocks = await signed(
      network.newBlockEventsRequest({ startBlock: status.blockNumber }),
      (bytes, signature) => gateway.newSignedBlockEventsRequest(bytes, signature),
    );
    const stream = await blocks.getEvents();
    for await (const block of stream) {
      assert.equal(BigInt(block.getHeader().getNumber()), status.blockNumber);
      break;
    }
    stream.close();
    gateway.close();
  },
};

module.exports = { offlineSigning };
