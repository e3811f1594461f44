import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { utf8 } from "../base/bytes.ts";
import type { TxPvtReadWriteSet } from "../gen/ledger/rwset/rwset_pb.ts";
import { defineChaincode, simulate, testLedger } from "../../tests/support/test-ledger.ts";
import { temporaryDirectory } from "../../tests/support/temporary.ts";
import { defaultLedgerLimits } from "./limits.ts";
import { FileTransientStore } from "./transient-store.ts";

function someSets(): TxPvtReadWriteSet[] {
  using test = testLedger();
  defineChaincode(test.ledger, "cc", { coll: 0 });
  return ["1", "2", "3"].map((value) => {
    const { privateSet } = simulate(
      test.ledger,
      (s) => s.setPrivateData("cc", "coll", "k", utf8(value)),
    );
    assert.ok(privateSet);
    return privateSet;
  });
}

Deno.test("private sets wait for their transaction, also over a restart, until they are purged", () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "transient.db");
  const [one, two, three] = someSets();
  let store = new FileTransientStore(file, defaultLedgerLimits);
  assert.deepEqual(store.get("t1"), []);
  store.purgeBelowHeight(10);
  store.purgeByTxIds(["t1"]);
  assert.equal(store.minHeight(), undefined);
  assert.ok(!existsSync(file), "no file before there is something to keep");

  store.persist("t1", 5, one);
  store.persist("t1", 6, two, utf8("configs"));
  store.persist("t2", 7, three);
  store.close();
  store = new FileTransientStore(file, defaultLedgerLimits);
  assert.deepEqual(store.get("t1"), [one, two]);
  assert.equal(store.minHeight(), 5);
  store.purgeBelowHeight(6);
  assert.deepEqual(store.get("t1"), [two]);
  store.purgeByTxIds(["t1", "unknown"]);
  assert.deepEqual([store.get("t1"), store.get("t2")], [[], [three]]);
  store.close();
  assert.throws(() => store.persist("t3", 8, one), { code: "ledger-closed" });
  assert.throws(() => store.get("t2"), { code: "ledger-closed" });
});
