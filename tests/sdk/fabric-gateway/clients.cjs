/** Many clients at a time, and clients that vanish. */
"use strict";

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const { once } = require("node:events");
const path = require("node:path");
const process = require("node:process");
const { apps, strict, lenient, text, contractOf } = require("./support.cjs");

const clients = {
  async "a client that is killed in the middle of everything leaves the others alone"() {
    for (let i = 0; i < 3; i++) {
      const leaver = spawn(process.execPath, [
        path.join(__dirname, "..", "gateway-leaver.cjs"),
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

module.exports = { clients };
