/**
 * Runs named scenarios one after the other in a Node process and prints a line of JSON for each:
 * name, outcome, time. The test that started the process reads them.
 */
"use strict";

const process = require("node:process");

/** Whatever waits longer has failed. */
const scenarioTimeoutMs = 60_000;

/** Resolves with what `promise` gives, or rejects after some time. */
function within(promise, ms, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Only scenarios whose name has this text; for whoever looks into one of them. */
const wanted = process.env.SCENARIO ?? "";

/** @param scenarios functions by name */
async function runScenarios(scenarios) {
  for (const [name, scenario] of Object.entries(scenarios)) {
    if (!name.includes(wanted)) continue;
    const began = Date.now();
    let error;
    try {
      await within(Promise.resolve().then(() => scenario()), scenarioTimeoutMs, name);
    } catch (thrown) {
      error = thrown?.stack ?? String(thrown);
    }
    // One write each, so that lines of an SDK's logger do not get in between.
    process.stdout.write(`${JSON.stringify({ name, error, ms: Date.now() - began })}\n`);
  }
}

/** Collects what a listener gets and waits for as many as a scenario needs. */
class Collected {
  constructor() {
    this.items = [];
    this.waiting = [];
  }

  push(item) {
    this.items.push(item);
    for (const check of [...this.waiting]) check();
  }

  /** Resolves with the first items for which `enough` is true. */
  async until(enough, ms = 45_000) {
    let check;
    const done = new Promise((resolve) => {
      check = () => enough(this.items) && resolve(this.items);
      this.waiting.push(check);
      check();
    });
    try {
      return await within(done, ms, `collected only ${JSON.stringify(this.items.length)}`);
    } finally {
      this.waiting.splice(this.waiting.indexOf(check), 1);
    }
  }
}

module.exports = { Collected, runScenarios };
