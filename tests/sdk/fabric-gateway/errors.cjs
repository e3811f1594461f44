/** What an application sees where something goes wrong. */
"use strict";

const assert = require("node:assert/strict");
const grpc = require("@grpc/grpc-js");
const { CommitStatusError, connect, EndorseError, hash, SubmitError } = require(
  "@hyperledger/fabric-gateway",
);
const { gateway: messages, msp } = require("@hyperledger/fabric-protos");
const client = require("../gateway-client.cjs");
const {
  apps,
  chaincodePorts,
  channel,
  strict,
  lenient,
  text,
  newKey,
  gatewayOf,
  networkOf,
  contractOf,
  addressOf,
  failure,
  assertDetails,
} = require("./support.cjs");

const errors = {
  async "an error of the transaction function: evaluate is UNKNOWN with its message"() {
    const error = await failure(
      contractOf(strict).evaluateTransaction("fail", "out of apples"),
    );
    assert.equal(error.code, grpc.status.UNKNOWN);
    const said = "chaincode response 500, out of apples";
    assert.match(
      error.message,
      new RegExp(`evaluate call to endorser returned error: ${said}`),
    );
    assertDetails(error, [{
      address: addressOf("Org1MSP"),
      mspId: "Org1MSP",
      message: said,
    }]);
  },

  async "an error of the transaction function: endorse is ABORTED with it in the details"() {
    const proposal = contractOf(strict).newProposal("fail", {
      arguments: ["out of apples"],
    });
    const error = await failure(proposal.endorse(), EndorseError);
    assert.equal(error.code, grpc.status.ABORTED);
    assert.equal(error.transactionId, proposal.getTransactionId());
    assert.match(
      error.message,
      /failed to endorse transaction, see attached details for more info/,
    );
    assertDetails(error, [{
      address: addressOf("Org1MSP"),
      mspId: "Org1MSP",
      message: "chaincode response 500, out of apples",
    }]);
  },

  async "a very long error arrives, cut"() {
    const error = await failure(
      contractOf(strict).evaluateTransaction("fail", "ä".repeat(50_000)),
    );
    assert.equal(error.code, grpc.status.UNKNOWN);
    assert.match(
      error.details[0].message,
      /^chaincode response 500, ää.*\.\.\.$/,
    );
  },

  async "a chaincode that does not exist is FAILED_PRECONDITION"() {
    const contract = networkOf().getContract("nonexistent");
    const error = await failure(
      contract.newProposal("x").endorse(),
      EndorseError,
    );
    assert.equal(error.code, grpc.status.FAILED_PRECONDITION);
    assert.match(
      error.message,
      /no combination of peers can be derived which satisfy the endorsement policy: No metadata was found for chaincode nonexistent in channel mychannel/,
    );
    const evaluation = await failure(contract.evaluateTransaction("x"));
    assert.equal(evaluation.code, grpc.status.FAILED_PRECONDITION);
    assert.match(
      evaluation.message,
      /no peers available to evaluate chaincode nonexistent in channel mychannel/,
    );
  },

  async "a channel that does not exist"() {
    const network = gatewayOf().getNetwork("nochannel");
    const contract = network.getContract(strict);
    const evaluation = await failure(contract.evaluateTransaction("echo", "x"));
    assert.equal(evaluation.code, grpc.status.UNAVAILABLE);
    assert.match(
      evaluation.message,
      /failed to get config for channel \[nochannel\]/,
    );
    const endorsement = await failure(
      contract.newProposal("echo").endorse(),
      EndorseError,
    );
    assert.equal(endorsement.code, grpc.status.FAILED_PRECONDITION);
    const events = await failure(
      (async () => {
        for await (const _ of await network.getChaincodeEvents(strict)) break;
      })(),
    );
    assert.equal(events.code, grpc.status.PERMISSION_DENIED);
  },

  async "another organisation cannot endorse: its error is in the details"() {
    const port = String(chaincodePorts.Org2MSP);
    const proposal = contractOf(strict).newProposal("failAt", {
      arguments: [newKey(), port],
    });
    const error = await failure(proposal.endorse(), EndorseError);
    assert.equal(error.code, grpc.status.ABORTED);
    assert.match(
      error.message,
      /failed to collect enough transaction endorsements, see attached details for more info/,
    );
    assertDetails(error, [{
      address: addressOf("Org2MSP"),
      mspId: "Org2MSP",
      message: "chaincode response 500, this peer refuses to endorse",
    }]);
  },

  async "results that differ are named as such"() {
    const error = await failure(
      contractOf(strict).newProposal("random").endorse(),
      EndorseError,
    );
    assert.equal(error.code, grpc.status.ABORTED);
    assertDetails(error, [{
      address: addressOf("Org2MSP"),
      mspId: "Org2MSP",
      message: "ProposalResponsePayloads do not match",
    }]);
  },

  async "chaincode that crashes: every peer is tried, the next transaction works"() {
    const error = await failure(
      contractOf(lenient).evaluateTransaction("crash"),
    );
    assert.equal(error.code, grpc.status.ABORTED);
    assert.match(
      error.message,
      /failed to evaluate transaction, see attached details/,
    );
    assert.deepEqual(error.details.map(({ mspId }) => mspId), [
      "Org1MSP",
      "Org2MSP",
    ]);
    for (const { message } of error.details) {
      assert.match(message, /chaincode stream terminated|exited/);
    }
    const key = newKey();
    await contractOf(lenient).submitTransaction("put", key, "after the crash");
    assert.equal(
      text(await contractOf(lenient).evaluateTransaction("get", key)),
      "after the crash",
    );
  },

  async "a signature of somebody else is FAILED_PRECONDITION"() {
    const own = client.profileOf(apps, "Org1MSP");
    const other = client.profileOf(apps, "Org2MSP");
    const forged = connect({
      client: client.newClient(own),
      identity: client.identityOf(own, "user1"),
      signer: client.signerOf(other, "user1"),
      hash: hash.sha256,
    });
    const network = forged.getNetwork(channel);
    const error = await failure(
      network.getContract(strict).evaluateTransaction("echo", "x"),
    );
    assert.equal(error.code, grpc.status.FAILED_PRECONDITION);
    const said =
      "error validating proposal: access denied: channel [mychannel] creator org [Org1MSP]";
    assert.ok(
      error.message.includes(
        `evaluate call to endorser returned error: ${said}`,
      ),
    );
    assertDetails(error, [{
      address: addressOf("Org1MSP"),
      mspId: "Org1MSP",
      message: said,
    }]);
    const transaction = await contractOf(strict).newProposal("echo", {
      arguments: ["x"],
    }).endorse();
    const unsigned = forged.newTransaction(transaction.getBytes());
    const submitted = await failure(unsigned.submit(), SubmitError);
    assert.equal(submitted.code, grpc.status.ABORTED);
    assert.match(
      submitted.message,
      /received unsuccessful response from orderer: status=FORBIDDEN, info=/,
    );
    const commit = await (await contractOf(strict).submitAsync("echo", {
      arguments: ["x"],
    }));
    const status = await failure(
      forged.newCommit(commit.getBytes()).getStatus(),
      CommitStatusError,
    );
    assert.equal(status.code, grpc.status.PERMISSION_DENIED);
    forged.close();
  },

  async "deadlines end calls"() {
    const soon = () => ({ deadline: Date.now() + 300 });
    const gateway = client.gatewayOf(apps, "Org1MSP", "user1", {
      evaluateOptions: soon,
      endorseOptions: soon,
      commitStatusOptions: soon,
    });
    const contract = gateway.getNetwork(channel).getContract(strict);
    for (
      const call of [
        contract.evaluateTransaction("never"),
        contract.newProposal("never").endorse(),
      ]
    ) {
      assert.equal((await failure(call)).code, grpc.status.DEADLINE_EXCEEDED);
    }
  },

  async "a commit that does not come is waited for until the deadline"() {
    const profile = client.profileOf(apps, "Org1MSP");
    const identity = new msp.SerializedIdentity();
    identity.setMspid(profile.mspId);
    identity.setIdBytes(client.identityOf(profile, "user1").credentials);
    const request = new messages.CommitStatusRequest();
    request.setChannelId(channel);
    request.setTransactionId("0".repeat(64));
    request.setIdentity(identity.serializeBinary());
    const unsigned = new messages.SignedCommitStatusRequest();
    unsigned.setRequest(request.serializeBinary());
    const commit = gatewayOf().newCommit(unsigned.serializeBinary());
    const error = await failure(
      commit.getStatus({ deadline: Date.now() + 300 }),
      CommitStatusError,
    );
    assert.equal(error.code, grpc.status.DEADLINE_EXCEEDED);
  },
};

module.exports = { errors };
