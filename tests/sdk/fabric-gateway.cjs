/**
 * What applications do with fabric-gateway 1.x, against a development network of two organisations:
 * the SDK's own scenarios (transactions, errors, private data, key-level policies, events, offline
 * signing) and those of the service behind it.
 */
"use strict";

const client = require("./gateway-client.cjs");
const { transactions, endorsingOrganizations } = require("./fabric-gateway/transactions.cjs");
const { errors } = require("./fabric-gateway/errors.cjs");
const { privateData, keyPolicies } = require("./fabric-gateway/private-data.cjs");
const { chaincodeEvents } = require("./fabric-gateway/chaincode-events.cjs");
const { blockEvents } = require("./fabric-gateway/block-events.cjs");
const { offlineSigning } = require("./fabric-gateway/offline-signing.cjs");
const { clients } = require("./fabric-gateway/clients.cjs");
const { runScenarios } = require("./scenarios.cjs");

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
