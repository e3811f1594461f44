/**
 * What an application of fabric-gateway waits for. Prints one line of JSON: milliseconds by what was
 * measured, and the outcome of many submitters at once.
 */
"use strict";

const { performance } = require("node:perf_hooks");
const process = require("node:process");
const client = require("../../tests/sdk/gateway-client.cjs");

const { apps, submits, submitters, transactionsEach } = JSON.parse(process.argv[2]);

async function timed(work) {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

async function main() {
  const network = client.gatewayOf(apps, "Org1MSP").getNetwork("mychannel");
  const contract = network.getContract("asset");
  let counter = 0;
  const create = () => ["create", `b${process.pid}-${++counter}`, "ann", "1"];
  for (let i = 0; i < 10; i++) await contract.submitTransaction(...create());

  const submitToCommit = [];
  for (let i = 0; i < submits; i++) {
    const [name, ...args] = create();
    submitToCommit.push(await timed(() => contract.submitTransaction(name, ...args)));
  }

  const steps = { endorse: [], submit: [], commit: [] };
  for (let i = 0; i < submits; i++) {
    const [name, ...args] = create();
    let transaction, commit;
    steps.endorse.push(
      await timed(async () =>
        transaction = await contract.newProposal(name, { arguments: args }).endorse()
      ),
    );
    steps.submit.push(await timed(async () => commit = await transaction.submit()));
    steps.commit.push(await timed(() => commit.getStatus()));
  }

  const evaluate = [];
  for (let i = 0; i < submits; i++) {
    evaluate.push(await timed(() => contract.evaluateTransaction("read", `b${process.pid}-1`)));
  }

  const submitToEvent = [];
  const stream = await network.getChaincodeEvents("asset");
  const events = stream[Symbol.asyncIterator]();
  for (let began, i = 0; i <= submits; i++) {
    const next = events.next();
    const [name, ...args] = create();
    const transaction = await contract.newProposal(name, { arguments: args }).endorse();
    began = performance.now();
    const commit = await transaction.submit();
    await next;
    // The first one also waits for the stream to begin.
    if (i > 0) submitToEvent.push(performance.now() - began);
    await commit.getStatus();
  }
  stream.close();

  let failed = 0;
  const concurrent = [];
  const began = performance.now();
  await Promise.all(Array.from({ length: submitters }, async () => {
    for (let i = 0; i < transactionsEach; i++) {
      try {
        concurrent.push(await timed(() => contract.submitTransaction(...create())));
      } catch (error) {
        if (failed++ === 0) process.stderr.write(`${error.stack}\n`);
      }
    }
  }));
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(JSON.stringify({
    latencies: { submitToCommit, ...steps, evaluate, submitToEvent, concurrent },
    throughput: concurrent.length / seconds,
    failed,
  }));
  client.closeAll();
}

main();
