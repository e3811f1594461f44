/** Transactions from proposal to commit, and the organisations that are asked to endorse. */
"use strict";

const assert = require("node:assert/strict");
const { Buffer } = require("node:buffer");
const grpc = require("@grpc/grpc-js");
const { CommitError, EndorseError, StatusCode } = require("@hyperledger/fabric-gateway");
const { chaincodePorts, channel, strict, lenient, text, newKey, networkOf, contractOf, failure } =
  require("./support.cjs");

const transactions = {
  async "evaluate gives the transaction function's result"() {
    assert.equal(
      text(await contractOf(strict).evaluate("echo", { arguments: ["conga"] })),
      "conga",
    );
  },

  async "submit gives the result after the commit"() {
    const key = newKey();
    const contract = contractOf(lenient);
    assert.equal(text(await contract.submitTransaction("increment", key)), "1");
    assert.equal(text(await contract.submitTransaction("increment", key)), "2");
    assert.equal(text(await contract.evaluateTransaction("get", key)), "2");
  },

  async "both organisations' gateways submit what needs both, and read it"() {
    for (const mspId of ["Org1MSP", "Org2MSP"]) {
      const key = newKey();
      const contract = contractOf(strict, mspId);
      await contract.submitTransaction("put", key, `by ${mspId}`);
      assert.equal(text(await contract.evaluateTransaction("get", key)), `by ${mspId}`);
    }
  },

  async "transient data reaches the transaction function"() {
    const result = await contractOf(strict).evaluate("transient", {
      transientData: { key1: "value1", key2: Buffer.from("value2") },
    });
    assert.deepEqual(JSON.parse(text(result)), {
      key1: "value1",
      key2: "value2",
    });
  },

  async "submitAsync gives the result before the commit, and its status later"() {
    const commit = await contractOf(strict).submitAsync("put", {
      arguments: [newKey(), "v"],
    });
    assert.equal(text(commit.getResult()), "");
    const status = await commit.getStatus();
    assert.ok(status.successful);
    assert.equal(status.code, StatusCode.VALID);
    assert.equal(status.transactionId, commit.getTransactionId());
    const again = await commit.getStatus();
    assert.equal(
      again.blockNumber,
      status.blockNumber,
      "also when it was committed long ago",
    );
  },

  async "two that read the same version: one of them conflicts and says so"() {
    const key = newKey();
    const contract = contractOf(lenient);
    await contract.submitTransaction("increment", key);
    const prepare = () => contract.newProposal("increment", { arguments: [key] }).endorse();
    const both = [await prepare(), await prepare()];
    const statuses = [];
    for (const transaction of both) {
      statuses.push(await (await transaction.submit()).getStatus());
    }
    assert.deepEqual(
      statuses.map(({ code, successful }) => [code, successful]),
      [[StatusCode.VALID, true], [StatusCode.MVCC_READ_CONFLICT, false]],
    );
  },

  async "submitTransaction of a conflict is a CommitError with the code"() {
    const key = newKey();
    const contract = contractOf(lenient);
    await contract.submitTransaction("increment", key);
    const results = await Promise.allSettled(
      Array.from(
        { length: 8 },
        () => contract.submitTransaction("increment", key),
      ),
    );
    const refused = results.filter(({ status }) => status === "rejected");
    assert.ok(refused.length > 0, "all eight of one key were valid");
    for (const { reason } of refused) {
      assert.ok(reason instanceof CommitError, reason.stack);
      assert.equal(reason.code, StatusCode.MVCC_READ_CONFLICT);
      assert.match(reason.message, /MVCC_READ_CONFLICT/);
    }
  },

  async "a chaincode that calls another one needs the endorsers of both"() {
    const key = newKey();
    await contractOf(lenient).submitTransaction(
      "call",
      strict,
      "put",
      key,
      "through",
    );
    assert.equal(
      text(await contractOf(strict).evaluateTransaction("get", key)),
      "through",
    );
  },

  async "a system chaincode can be asked"() {
    const qscc = networkOf().getContract("qscc");
    const info = await qscc.evaluateTransaction("GetChainInfo", channel);
    assert.ok(info.length > 60);
  },
};

const endorsingOrganizations = {
  async "evaluate and endorse go to the organisations that are named"() {
    const contract = contractOf(lenient);
    for (
      const [mspId, other] of [["Org1MSP", "Org2MSP"], ["Org2MSP", "Org1MSP"]]
    ) {
      const key = newKey();
      const call = {
        arguments: [key, String(chaincodePorts[other])],
        endorsingOrganizations: [mspId],
      };
      await contract.submit("failAt", call);
      await contract.evaluate("failAt", call);
      const refused = { ...call, endorsingOrganizations: [other] };
      assert.match(
        (await failure(contract.evaluate("failAt", refused))).message,
        /this peer refuses to endorse/,
      );
      await failure(contract.submit("failAt", refused), EndorseError);
    }
  },

  async "one organisation where the policy asks for both: the commit says so"() {
    const transaction = contractOf(strict).submit("put", {
      arguments: [newKey(), "v"],
      endorsingOrganizations: ["Org2MSP"],
    });
    const error = await failure(transaction, CommitError);
    assert.match(error.message, /ENDORSEMENT_POLICY_FAILURE/);
  },

  async "an organisation without peers is UNAVAILABLE"() {
    const proposal = contractOf(strict).newProposal("put", {
      arguments: [newKey(), "v"],
      endorsingOrganizations: ["Org1MSP", "Org7MSP", "Org8MSP"],
    });
    const error = await failure(proposal.endorse(), EndorseError);
    assert.equal(error.code, grpc.status.UNAVAILABLE);
    assert.match(
      error.message,
      /failed to find any endorsing peers for org\(s\): Org7MSP, Org8MSP/,
    );
    const evaluation = await failure(
      contractOf(strict).evaluate("echo", {
        arguments: ["x"],
        endorsingOrganizations: ["Org7MSP"],
      }),
    );
    assert.equal(evaluation.code, grpc.status.FAILED_PRECONDITION);
    assert.match(
      evaluation.message,
      /no peers available to evaluate chaincode strict in channel mychannel/,
    );
  },
};

module.exports = { transactions, endorsingOrganizations };
