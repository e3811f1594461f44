/** An application in the middle of everything, to be killed: every kind of call is open. */
"use strict";

const process = require("node:process");
const client = require("./gateway-client.cjs");

const { apps, chaincode } = JSON.parse(process.argv[2]);

async function main() {
  const network = client.gatewayOf(apps, "Org1MSP").getNetwork("mychannel");
  const contract = network.getContract(chaincode);
  const streams = await Promise.all([
    network.getChaincodeEvents(chaincode),
    network.getBlockEvents(),
    network.getFilteredBlockEvents(),
  ]);
  const calls = [
    contract.evaluateTransaction("never"),
    contract.newProposal("never").endorse(),
    contract.submitTransaction("put", "leaver", "v"),
    ...streams.map((stream) => stream[Symbol.asyncIterator]().next()),
  ];
  process.stdout.write("open\n");
  await Promise.allSettled(calls);
}

main();
