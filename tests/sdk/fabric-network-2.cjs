/** What applications do with fabric-network 2.2, against a development network of two organisations. */
"use strict";

const process = require("node:process");
const { transactions } = require("./fabric-network-2/transactions.cjs");
const { contracts } = require("./fabric-network-2/contracts.cjs");
const { contractEvents } = require("./fabric-network-2/contract-events.cjs");
const { blockEvents } = require("./fabric-network-2/block-events.cjs");
const { network } = require("./fabric-network-2/network.cjs");
const { open } = require("./fabric-network-2/support.cjs");
const { runScenarios } = require("./scenarios.cjs");

runScenarios({
  ...transactions,
  ...contracts,
  ...contractEvents,
  ...blockEvents,
  ...network,
}).then(() => {
  for (const gateway of open) gateway.disconnect();
  process.exit(0);
});
