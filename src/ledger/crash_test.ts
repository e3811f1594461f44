import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { text } from "../base/bytes.ts";
import { commitOne } from "../../tests/support/test-ledger.ts";
import { temporaryDirectory } from "../../tests/support/temporary.ts";
import { verifyChain } from "../../tests/support/verify-chain.ts";
import { createLedgerProvider } from "./ledger-provider.ts";

const writer = fileURLToPath(new URL("../../tests/support/crash-writer.ts", import.meta.url));
const rounds = 4;

/** Runs the writer until it has committed some blocks, then kills it; gives the last number seen. */
async function commitAndKill(directory: string, blocks: number): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", writer, directory],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let last = -1;
  let lines = 0;
  let rest = "";
  let killed = false;
  for await (const chunk of child.stdout) {
    const parts = (rest + text(chunk)).split("\n");
    rest = parts.pop() ?? "";
    lines += parts.length;
    if (parts.length > 0) last = Number(parts[parts.length - 1]);
    if (lines >= blocks && !killed) {
      killed = true;
      child.kill("SIGKILL");
    }
  }
  const { signal } = await child.status;
  assert.equal(signal, "SIGKILL");
  return last;
}

Deno.test("killed while committing, the ledger has every block it announced, whole", async () => {
  using directory = temporaryDirectory();
  for (let round = 0; round < rounds; round++) {
    const announced = await commitAndKill(directory.path, 20 + 37 * round);
    const provider = createLedgerProvider({ directory: directory.path });
    try {
      const ledger = provider.open("mychannel");
      const { height } = ledger.info();
      // The block being committed when the kill came may be there too, or not.
      assert.ok(height === announced + 1 || height === announced + 2, `${height} ${announced}`);
      assert.deepEqual([...verifyChain(ledger)], []);
      const query = ledger.newQueryExecutor();
      const history = ledger.newHistoryExecutor();
      assert.equal(text(query.getState("cc", "count") ?? new Uint8Array()), String(height - 1));
      const own = query.getStateRange("cc", "block", "blocl");
      let keys = 0;
      while (own.next()) keys++;
      // Blocks 0 and 1 are the genesis and the definition of the chaincode.
      assert.equal(keys, height - 2);
      const modifications = history.getHistoryForKey("cc", "count");
      let changes = 0;
      while (modifications.next()) changes++;
      assert.equal(changes, height - 2);
      for (let block = 2; block < height; block++) {
        assert.equal(ledger.privateDataOfBlock(block).size, 1);
        const value = query.getPrivateData("cc", "coll", `private${block}`);
        assert.equal(text(value ?? new Uint8Array()), String(block));
      }
      history.done();
      query.done();
      commitOne(ledger, (s) => {
        s.setState("cc", `block${String(height).padStart(8, "0")}`, new Uint8Array(1));
        s.setState("cc", "count", new TextEncoder().encode(String(height)));
        s.setPrivateData("cc", "coll", `private${height}`, new TextEncoder().encode(`${height}`));
      });
    } finally {
      provider.close();
    }
  }
});
