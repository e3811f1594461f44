/** What scenarios of fabric-gateway share: the network under test, and waiting for events and errors. */
"use strict";

const assert = require("node:assert/strict");
const process = require("node:process");
const { TextDecoder } = require("node:util");
const grpc = require("@grpc/grpc-js");
const { EndorseError, GatewayError } = require("@hyperledger/fabric-gateway");
const client = require("../gateway-client.cjs");
const { Collected } = require("../scenarios.cjs");

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

module.exports = {
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
  collect,
  eventually,
  agreed,
  last,
  eventText,
  listening,
};
