/** Private data collections, and keys with a policy of their own. */
"use strict";

const assert = require("node:assert/strict");
const grpc = require("@grpc/grpc-js");
const { CommitError } = require("@hyperledger/fabric-gateway");
const { chaincodePorts, strict, lenient, text, newKey, contractOf, failure, eventually, agreed } =
  require("./support.cjs");

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

module.exports = { privateData, keyPolicies };
