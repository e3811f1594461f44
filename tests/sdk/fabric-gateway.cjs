/**
 * What applications do with fabric-gateway 1.x, against a development network of two organisations:
 * the SDK's own scenarios (transactions, errors, private data, key-level policies, events, offline
 * signing) and those of the service behind it.
 */
"use strict";

const assert = require("node:assert/strict");
const { Buffer } = require("node:buffer");
const { spawn } = require("node:child_process");
const { once } = require("node:events");
const path = require("node:path");
const process = require("node:process");
const { TextDecoder } = require("node:util");
const grpc = require("@grpc/grpc-js");
const {
  checkpointers,
  CommitError,
  CommitStatusError,
  connect,
  EndorseError,
  GatewayError,
  hash,
  StatusCode,
  SubmitError,
} = require("@hyperledger/fabric-gateway");
const { common, gateway: messages, msp, peer } = require(
  "@hyperledger/fabric-protos",
);
const client = require("./gateway-client.cjs");
const { Collected, runScenarios } = require("./scenarios.cjs");

const { apps, chaincodePorts } = JSON.parse(process.argv[2]);
const channel = "mychannel";
/** Needs both organisations. */
const strict = "strict";
/** Needs any one. */
const lenient = "lenient";

const utf8 = new TextDecoder();
const text = (bytes) => utf8.decode(bytes);
let counter = 0;
const newKey = () => `key-${++counter}`;

const gateways = new Map();

function gatewayOf(mspId = "Org1MSP") {
  let gateway = gateways.get(mspId);
  if (!gateway) {
    gateway = client.gatewayOf(apps, mspId);
    gateways.set(mspId, gateway);
  }
  return gateway;
}

const networkOf = (mspId) => gatewayOf(mspId).getNetwork(channel);
const contractOf = (name, mspId) => networkOf(mspId).getContract(name);
const addressOf = (mspId) => client.profileOf(apps, mspId).peerEndpoint;

/** The error that a call ends with; fails where it does not. */
async function failure(promise, type = GatewayError) {
  let result;
  try {
    result = await promise;
  } catch (error) {
    assert.ok(error instanceof type, `${error?.stack}`);
    return error;
  }
  assert.fail(
    `no error, but ${result instanceof Uint8Array ? text(result) : String(result)}`,
  );
}

function assertDetails(error, expected) {
  const order = (a, b) => a.address < b.address ? -1 : 1;
  assert.deepEqual(
    error.details.map((one) => ({ ...one })).sort(order),
    expected.sort(order),
  );
}

/** Collects the items of an event stream until it is closed. */
function collect(stream) {
  const collected = new Collected();
  const done = (async () => {
    try {
      for await (const item of stream) collected.push(item);
    } catch (error) {
      if (error.code !== grpc.status.CANCELLED) throw error;
    }
  })();
  return {
    until: (enough, ms) => collected.until(enough, ms),
    items: collected.items,
    async close() {
      stream.close();
      await done;
    },
  };
}

/** Waits until a check passes: the other organisation's peer may be a block behind. */
async function eventually(check) {
  for (let tries = 0;; tries++) {
    try {
      return await check();
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Peers that have not committed the same block yet endorse differently what reads: try again then. */
async function agreed(submit) {
  for (let tries = 0;; tries++) {
    try {
      return await submit();
    } catch (error) {
      const differ = error instanceof EndorseError &&
        error.details.some(({ message }) => message === "ProposalResponsePayloads do not match");
      if (!differ || tries === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const last = (items) => items[items.length - 1];
const eventText = ({ eventName, payload }) => `${eventName}=${text(payload)}`;

/** Event streams begin when the peer has the request: send until something comes. */
async function listening(collected, provoke) {
  for (let tries = 0; collected.items.length === 0; tries++) {
    assert.ok(tries < 50, "no event ever came");
    await provoke();
    await collected.until((items) => items.length > 0, 500).catch(() => {});
  }
}

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

const privateData = {
  async "a member writes and reads a collection of its own"() {
    const key = newKey();
    await contractOf(lenient).submit("putPrivate", {
      arguments: [key, "org1"],
      transientData: { value: "secret" },
      endorsingOrganizations: ["Org1MSP"],
    });
    const contract = contractOf(lenient);
    const read = {
      arguments: [key, "org1"],
      endorsingOrganizations: ["Org1MSP"],
    };
    assert.equal(text(await contract.evaluate("getPrivate", read)), "secret");
    await failure(
      contract.evaluate("getPrivate", {
        ...read,
        endorsingOrganizations: ["Org2MSP"],
      }),
    );
  },

  async "another organisation may write through the member's peer, but not read"() {
    const key = newKey();
    const contract = contractOf(lenient, "Org2MSP");
    await contract.submit("putPrivate", {
      arguments: [key, "org1"],
      transientData: { value: "from org2" },
      endorsingOrganizations: ["Org1MSP"],
    });
    await failure(contract.evaluate("getPrivate", {
      arguments: [key, "org1"],
      endorsingOrganizations: ["Org1MSP"],
    }));
    const read = () => contractOf(lenient).evaluateTransaction("getPrivate", key, "org1");
    await eventually(async () => assert.equal(text(await read()), "from org2"));
  },

  async "transient data without named organisations: the endorsers are members, the policy holds"() {
    const key = newKey();
    await contractOf(strict).submit("putPrivate", {
      arguments: [key, "both"],
      transientData: { value: "shared" },
    });
    for (const mspId of ["Org1MSP", "Org2MSP"]) {
      const read = contractOf(strict, mspId).evaluateTransaction(
        "getPrivate",
        key,
        "both",
      );
      assert.equal(text(await read), "shared");
    }
  },

  async "transient data for one, where the policy asks for both, is not sent around"() {
    const call = {
      arguments: [newKey(), "org1"],
      transientData: { value: "secret" },
    };
    const error = await failure(
      contractOf(strict).newProposal("putPrivate", call).endorse(),
    );
    assert.equal(error.code, grpc.status.FAILED_PRECONDITION);
    assert.match(
      error.message,
      /requires endorsement from organisation\(s\) that are not in the distribution policy of the private data collection\(s\): \[org1\]; retry specifying trusted endorsing organizations to protect transient data/,
    );
    await contractOf(strict).submit("putPrivate", {
      ...call,
      endorsingOrganizations: ["Org1MSP", "Org2MSP"],
    });
  },

  async "a read of a collection leaves the endorsement to its members"() {
    const key = newKey();
    await contractOf(lenient).submit("putPrivate", {
      arguments: [key, "org1"],
      transientData: { value: "copied" },
      endorsingOrganizations: ["Org1MSP"],
    });
    await contractOf(lenient).submitTransaction(
      "copyPrivate",
      key,
      "org1",
      "both",
    );
    const copy = contractOf(lenient).evaluateTransaction(
      "getPrivate",
      key,
      "both",
    );
    assert.equal(text(await copy), "copied");
    // Both must endorse, one cannot read.
    await contractOf(strict).submit("putPrivate", {
      arguments: [key, "org1"],
      transientData: { value: "v" },
      endorsingOrganizations: ["Org1MSP", "Org2MSP"],
    });
    const error = await failure(
      contractOf(strict).newProposal("copyPrivate", {
        arguments: [key, "org1", "both"],
      }).endorse(),
    );
    assert.equal(error.code, grpc.status.FAILED_PRECONDITION);
    assert.match(error.message, /no combination of peers can be derived/);
  },

  async "a hash may be checked by everybody"() {
    const key = newKey();
    await contractOf(strict).submit("putPrivate", {
      arguments: [key, "org1"],
      transientData: { value: "v" },
      endorsingOrganizations: ["Org1MSP", "Org2MSP"],
    });
    const hashed = await agreed(() =>
      contractOf(strict).submitTransaction("checkHash", key, "org1")
    );
    assert.match(text(hashed), /^[0-9a-f]{64}$/);
  },

  async "a query with transient data stays in the gateway's organisation"() {
    const port = String(chaincodePorts.Org1MSP);
    const error = await failure(
      contractOf(lenient).evaluate("failAt", {
        arguments: [newKey(), port],
        transientData: { value: "v" },
      }),
    );
    assert.deepEqual(error.details.map(({ mspId }) => mspId), ["Org1MSP"]);
  },
};

const keyPolicies = {
  async "a key that asks for both organisations gets both, under a policy of one"() {
    const key = newKey();
    const contract = contractOf(lenient);
    await contract.submitTransaction("put", key, "1");
    await contract.submitTransaction("restrict", key, "Org1MSP", "Org2MSP");
    await contract.submitTransaction("put", key, "2");
    assert.equal(text(await contract.evaluateTransaction("get", key)), "2");
    const error = await failure(
      contract.submit("put", {
        arguments: [key, "3"],
        endorsingOrganizations: ["Org2MSP"],
      }),
      CommitError,
    );
    assert.match(error.message, /ENDORSEMENT_POLICY_FAILURE/);
    assert.equal(text(await contract.evaluateTransaction("get", key)), "2");
  },

  async "a key of the other organisation alone is endorsed there, under a policy of both"() {
    const key = newKey();
    const contract = contractOf(strict);
    await contract.submitTransaction("put", key, "1");
    await contract.submitTransaction("restrict", key, "Org2MSP");
    await contract.submitTransaction("put", key, "2");
    assert.equal(text(await contract.evaluateTransaction("get", key)), "2");
    const error = await failure(
      contract.submit("put", {
        arguments: [key, "3"],
        endorsingOrganizations: ["Org1MSP"],
      }),
      CommitError,
    );
    assert.match(error.message, /ENDORSEMENT_POLICY_FAILURE/);
  },
};

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

const clients = {
  async "a client that is killed in the middle of everything leaves the others alone"() {
    for (let i = 0; i < 3; i++) {
      const leaver = spawn(process.execPath, [
        path.join(__dirname, "gateway-leaver.cjs"),
        JSON.stringify({ apps, chaincode: strict }),
      ], { stdio: ["ignore", "pipe", "inherit"] });
      await once(leaver.stdout, "data");
      await new Promise((resolve) => setTimeout(resolve, i * 50));
      leaver.kill("SIGKILL");
      await once(leaver, "exit");
      assert.equal(text(await contractOf(strict).evaluateTransaction("echo", "alive")), "alive");
    }
  },

  async "200 clients at a time are served"() {
    const contract = contractOf(lenient);
    await Promise.all(
      Array.from(
        { length: 200 },
        (_, i) => contract.submitTransaction("put", `at-once-${i}`, "v"),
      ),
    );
  },
};

runScenarios({
  ...transactions,
  ...endorsingOrganizations,
  ...errors,
  ...privateData,
  ...keyPolicies,
  ...chaincodeEvents,
  ...blockEvents,
  ...offlineSigning,
  ...clients,
}).finally(() => client.closeAll());
