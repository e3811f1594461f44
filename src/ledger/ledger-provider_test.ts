import assert from "node:assert/strict";
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { utf8 } from "../base/bytes.ts";
import { commitOne, testLedger } from "../../tests/support/test-ledger.ts";
import { syntheticGenesis } from "../../tests/support/synthetic-block.ts";
import { temporaryDirectory } from "../../tests/support/temporary.ts";
import { verifyChain } from "../../tests/support/verify-chain.ts";
import { createLedgerProvider } from "./ledger-provider.ts";
import type { LedgerProvider } from "./types.ts";
import { verifyLedgerFile } from "./storage/file-check.ts";

function withProvider(run: (provider: LedgerProvider, directory: string) => void): void {
  using directory = temporaryDirectory();
  const provider = createLedgerProvider({ directory: directory.path });
  try {
    run(provider, directory.path);
  } finally {
    provider.close();
  }
}

Deno.test("ledgers are made once, listed, and opened as the same object", () => {
  withProvider((provider) => {
    assert.deepEqual(provider.list(), []);
    const ledger = provider.create("b-channel", syntheticGenesis());
    provider.create("a.channel", syntheticGenesis());
    assert.deepEqual(provider.list(), ["a.channel", "b-channel"]);
    assert.equal(provider.open("b-channel"), ledger);
    assert.throws(() => provider.create("b-channel", syntheticGenesis()), {
      code: "ledger-exists",
      message: "LedgerID already exists",
    });
    ledger.close();
    ledger.close();
    assert.throws(() => provider.create("b-channel", syntheticGenesis()), {
      code: "ledger-exists",
    });
    assert.notEqual(provider.open("b-channel"), ledger);
    assert.equal(provider.open("b-channel").info().height, 1);
  });
});

Deno.test("what does not exist is not opened, what is no name is refused", () => {
  withProvider((provider, directory) => {
    assert.throws(() => provider.open("nochannel"), { code: "ledger-not-found" });
    for (const name of ["", ".", "..", "a/b", "a\\b", "a\0b"]) {
      assert.throws(() => provider.create(name, syntheticGenesis()), { code: "bad-channel-id" });
    }
    assert.deepEqual(readdirSync(directory), ["lock.db"]);
  });
});

Deno.test("a ledger whose making was cut short does not count and is made anew", () => {
  withProvider((provider, directory) => {
    mkdirSync(join(directory, "half"));
    const half = new DatabaseSync(join(directory, "half", "ledger.db"));
    half.exec("CREATE TABLE blocks (number INTEGER)");
    half.close();
    assert.deepEqual(provider.list(), []);
    assert.throws(() => provider.open("half"), { code: "ledger-not-found" });
    assert.equal(provider.create("half", syntheticGenesis()).info().height, 1);
    assert.deepEqual(provider.list(), ["half"]);
  });
});

Deno.test("a genesis block that cannot be committed leaves nothing behind", () => {
  withProvider((provider, directory) => {
    const bad = syntheticGenesis();
    bad.data?.data.splice(0, 1, utf8("garbage"));
    assert.throws(() => provider.create("mychannel", bad), { code: "bad-transaction" });
    assert.deepEqual(readdirSync(directory), ["lock.db"]);
  });
});

Deno.test("two peers cannot use one directory", () => {
  withProvider((_, directory) => {
    assert.throws(() => createLedgerProvider({ directory }), {
      code: "ledger-locked",
      message:
        "as another peer node command is executing, wait for that command to complete its execution or terminate it before retrying",
    });
  });
});

/** A closed ledger with some blocks, and the name of its file. */
function storedLedger(): Disposable & { file: string; directory: string } {
  const test = testLedger();
  for (let i = 0; i < 30; i++) {
    commitOne(test.ledger, (s) => s.setState("cc", `key${i}`, utf8("v".repeat(3_000))));
  }
  test.ledger.close();
  return {
    directory: test.directory,
    file: join(test.directory, "mychannel", "ledger.db"),
    [Symbol.dispose]: () => test[Symbol.dispose](),
  };
}

/** Opens a copy of the ledger's directory after `damage`. */
function openDamaged(damage: (file: string) => void, check: (provider: LedgerProvider) => void) {
  using stored = storedLedger();
  using copy = temporaryDirectory();
  mkdirSync(join(copy.path, "mychannel"));
  const file = join(copy.path, "mychannel", "ledger.db");
  copyFileSync(stored.file, file);
  damage(file);
  const provider = createLedgerProvider({ directory: copy.path });
  try {
    check(provider);
  } finally {
    provider.close();
  }
}

function overwrite(file: string, position: number, bytes: Uint8Array): void {
  const handle = openSync(file, "r+");
  writeSync(handle, bytes, 0, bytes.length, position);
  closeSync(handle);
}

Deno.test("a file that is no database is named, with what to do", () => {
  openDamaged((file) => overwrite(file, 0, new Uint8Array(4_096).fill(0x41)), (provider) => {
    assert.deepEqual(provider.list(), ["mychannel"]);
    assert.throws(() => provider.open("mychannel"), (thrown: unknown) => {
      const { code, message, hint } = thrown as { code: string; message: string; hint: string };
      assert.equal(code, "ledger-damaged");
      assert.match(message, /mychannel.ledger\.db is damaged/);
      assert.match(hint, /join the channel again/);
      return true;
    });
  });
});

/** What a reader gets out of a damaged ledger: its problems, an error, or all of its state. */
function readAll(provider: LedgerProvider): { problems: number; keys: number } | undefined {
  try {
    const ledger = provider.open("mychannel");
    const problems = [...verifyChain(ledger)].length;
    return { problems, keys: [...ledger.stateEntries()].length };
  } catch (thrown) {
    assert.equal((thrown as { code?: string }).code, "ledger-damaged");
    return undefined;
  }
}

Deno.test("damage inside the file is found by the check and is never read as data", () => {
  const page = new Uint8Array(16_384).fill(0xee);
  let met = 0;
  for (let part = 1; part < 12; part++) {
    let damaged = "";
    openDamaged((file) => {
      damaged = file;
      assert.deepEqual(verifyLedgerFile(file), []);
      overwrite(
        file,
        Math.floor(statSync(file).size * part / 12 / page.length) * page.length,
        page,
      );
    }, (provider) => {
      assert.notDeepEqual(verifyLedgerFile(damaged), []);
      const read = readAll(provider);
      if (read === undefined || read.problems > 0) met++;
      else assert.equal(read.keys, 31);
    });
  }
  assert.ok(met >= 4, `only ${met} of 11 damages were met`);
});

Deno.test("a ledger of another format or program is refused by name", () => {
  const change = (sql: string) => (file: string) => {
    const database = new DatabaseSync(file);
    database.exec(sql);
    database.close();
  };
  openDamaged(change("PRAGMA user_version=99"), (provider) => {
    assert.throws(() => provider.open("mychannel"), {
      code: "ledger-format",
      message: /has format 99, this program needs format 2/,
    });
  });
  openDamaged(change("PRAGMA application_id=7"), (provider) => {
    assert.throws(() => provider.open("mychannel"), {
      code: "ledger-format",
      message: /is not a ledger database of Denim/,
    });
  });
});
