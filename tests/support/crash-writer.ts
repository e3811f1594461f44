/**
 * Commits blocks until it is killed: `deno run -A crash-writer.ts DIRECTORY`. Prints a block's number
 * once it is committed. Block n writes n into `count` and into one key of its own.
 */
import { utf8 } from "../../src/base/bytes.ts";
import { createLedgerProvider } from "../../src/ledger/ledger-provider.ts";
import { commitNext, defineChaincode, simulate } from "./test-ledger.ts";
import { syntheticGenesis } from "./synthetic-block.ts";

const [directory] = Deno.args;
const provider = createLedgerProvider({ directory });
const fresh = !provider.list().includes("mychannel");
const ledger = fresh
  ? provider.create("mychannel", syntheticGenesis())
  : provider.open("mychannel");
if (ledger.info().height === 1) defineChaincode(ledger, "cc", { coll: 0 });
for (;;) {
  const { height } = ledger.info();
  const written = simulate(ledger, (s) => {
    s.getState("cc", "count");
    s.setState("cc", "count", utf8(String(height)));
    s.setState("cc", `block${String(height).padStart(8, "0")}`, utf8("x".repeat(2_000)));
    s.setPrivateData("cc", "coll", `private${height}`, utf8(String(height)));
  });
  ledger.transientStore.persist(written.txId, height, written.privateSet!);
  commitNext(ledger, [written]);
  ledger.transientStore.purgeByTxIds([written.txId]);
  Deno.stdout.writeSync(utf8(`${height}\n`));
}
