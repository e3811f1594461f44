/**
 * Random transactions against a naive model: every transaction is simulated twice, by the ledger and
 * by a model that keeps whole copies of the state; blocks are committed to both; flags and states
 * must stay equal.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { base64, compareUtf8, text, utf8 } from "../../base/bytes.ts";
import { TxValidationCode } from "../../gen/peer/transaction_pb.ts";
import { decodeMetadataEntries } from "../metadata/entries.ts";
import { privateHash, privateKeyHash } from "../rwset/builder.ts";
import type { PeerLedger, TxSimulator } from "../types.ts";
import {
  commitNext,
  defineChaincode,
  simulate,
  type Simulated,
  testLedger,
} from "../../../tests/support/test-ledger.ts";

type Operation =
  | { kind: "get" | "delete" | "metadata" | "clearMetadata"; key: string }
  | { kind: "put"; key: string; value: string }
  | { kind: "range"; start: string; end: string; take: number }
  | { kind: "privateGet" | "privateDelete" | "privateHash" | "privateMetadata"; key: string }
  | { kind: "privatePut"; key: string; value: string };

/** Value, metadata and the version that wrote them. */
interface Cell {
  value: string;
  metadata: string | undefined;
  version: string;
}

type State = Map<string, Cell>;

/** Public keys as they are, private ones behind a mark that no key has. */
const privateName = (key: string) => `\0private ${key}`;

interface ModelTransaction {
  reads: { name: string; version: string | undefined }[];
  /** Sees [name, version] pairs; an unfinished query saw its last name. */
  ranges: { start: string; end: string; inclusive: boolean; seen: string[] }[];
  writes: Map<string, string | undefined>;
  metadata: Map<string, string | undefined>;
}

function inRange(state: State, start: string, end: string, inclusive: boolean): [string, Cell][] {
  return [...state].filter(([name]) =>
    !name.startsWith("\0private") && compareUtf8(name, start) >= 0 &&
    (end === "" || compareUtf8(name, end) < (inclusive ? 1 : 0))
  ).sort(([a], [b]) => compareUtf8(a, b));
}

const seenAs = (list: [string, Cell][]) => list.map(([name, { version }]) => `${name}@${version}`);

function modelSimulation(state: State, operations: readonly Operation[]): ModelTransaction {
  const tx: ModelTransaction = { reads: [], ranges: [], writes: new Map(), metadata: new Map() };
  const read = (name: string) => tx.reads.push({ name, version: state.get(name)?.version });
  for (const operation of operations) {
    switch (operation.kind) {
      case "get":
        read(operation.key);
        break;
      case "privateGet":
      case "privateHash":
        read(privateName(operation.key));
        break;
      case "put":
        tx.writes.set(operation.key, operation.value);
        break;
      case "privatePut":
        tx.writes.set(privateName(operation.key), operation.value);
        break;
      case "delete":
        tx.writes.set(operation.key, undefined);
        break;
      case "privateDelete":
        tx.writes.set(privateName(operation.key), undefined);
        break;
      case "metadata":
        tx.metadata.set(operation.key, "policy");
        break;
      case "clearMetadata":
        tx.metadata.set(operation.key, undefined);
        break;
      case "privateMetadata":
        tx.metadata.set(privateName(operation.key), "policy");
        break;
      case "range": {
        const { start, end, take } = operation;
        const found = inRange(state, start, end, false);
        const exhausted = take > found.length;
        const seen = exhausted ? found : found.slice(0, take);
        const last = exhausted ? end : seen[seen.length - 1][0];
        tx.ranges.push({ start, end: last, inclusive: !exhausted, seen: seenAs(seen) });
      }
    }
  }
  return tx;
}

function modelCommit(state: State, list: readonly ModelTransaction[], block: number): number[] {
  const touched = new Set<string>();
  return list.map((tx, number) => {
    const stale = tx.reads.filter(({ name, version }) =>
      touched.has(name) || state.get(name)?.version !== version
    );
    const phantom = tx.ranges.some(({ start, end, inclusive, seen }) =>
      seenAs(inRange(state, start, end, inclusive)).join() !== seen.join()
    );
    // Public reads are checked first, then ranges, then private reads.
    if (stale.some(({ name }) => !name.startsWith("\0private"))) {
      return TxValidationCode.MVCC_READ_CONFLICT;
    }
    if (phantom) return TxValidationCode.PHANTOM_READ_CONFLICT;
    if (stale.length > 0) return TxValidationCode.MVCC_READ_CONFLICT;
    const version = `${block}.${number}`;
    for (const name of new Set([...tx.writes.keys(), ...tx.metadata.keys()])) {
      const old = state.get(name);
      const value = tx.writes.has(name) ? tx.writes.get(name) : old?.value;
      // Metadata for a key without value does nothing at all.
      if (!tx.writes.has(name) && old === undefined) continue;
      touched.add(name);
      if (value === undefined) {
        state.delete(name);
        continue;
      }
      const metadata = tx.metadata.has(name) ? tx.metadata.get(name) : old?.metadata;
      state.set(name, { value, metadata, version });
    }
    return TxValidationCode.VALID;
  });
}

function run(s: TxSimulator, operations: readonly Operation[]): void {
  const policy = new Map([["p", utf8("policy")]]);
  for (const operation of operations) {
    switch (operation.kind) {
      case "get":
        s.getState("cc", operation.key);
        break;
      case "put":
        s.setState("cc", operation.key, utf8(operation.value));
        break;
      case "delete":
        s.deleteState("cc", operation.key);
        break;
      case "metadata":
        s.setStateMetadata("cc", operation.key, policy);
        break;
      case "clearMetadata":
        s.deleteStateMetadata("cc", operation.key);
        break;
      case "range": {
        const results = s.getStateRange("cc", operation.start, operation.end);
        for (let i = 0; i < operation.take && results.next() !== undefined; i++);
        break;
      }
      case "privateGet":
        s.getPrivateData("cc", "coll", operation.key);
        break;
      case "privateHash":
        s.getPrivateDataHash("cc", "coll", operation.key);
        break;
      case "privatePut":
        s.setPrivateData("cc", "coll", operation.key, utf8(operation.value));
        break;
      case "privateDelete":
        s.deletePrivateData("cc", "coll", operation.key);
        break;
      case "privateMetadata":
        s.setPrivateDataMetadata("cc", "coll", operation.key, policy);
    }
  }
}

function compareStates(ledger: PeerLedger, state: State): void {
  const entries = [...ledger.stateEntries()];
  const cell = (e: typeof entries[number], value: string): Cell => ({
    value,
    metadata: e.metadata && text(decodeMetadataEntries(e.metadata)?.get("p") ?? utf8("")),
    version: `${e.version.blockNumber}.${e.version.txNumber}`,
  });
  const actual = new Map<string, Cell>();
  const hashes = new Map<string, Cell>();
  for (const entry of entries) {
    if (entry.namespace === "cc") actual.set(text(entry.key), cell(entry, text(entry.value)));
    if (entry.namespace === "cc$$pcoll") {
      actual.set(privateName(text(entry.key)), cell(entry, text(entry.value)));
    }
    if (entry.namespace === "cc$$hcoll") {
      hashes.set(base64(entry.key), cell(entry, base64(entry.value)));
    }
  }
  const expected = new Map<string, Cell>();
  const expectedHashes = new Map<string, Cell>();
  for (const [name, { value, metadata, version }] of state) {
    if (name.startsWith("\0private ")) {
      expected.set(name, { value, metadata: undefined, version });
      const keyHash = base64(privateKeyHash(name.slice("\0private ".length)));
      const hash = base64(privateHash(utf8(value)));
      expectedHashes.set(keyHash, { value: hash, metadata, version });
    } else expected.set(name, { value, metadata, version });
  }
  assert.deepEqual(actual, expected);
  assert.deepEqual(hashes, expectedHashes);
}

const key = fc.constantFrom("a", "b", "c", "ca", "é", "\uffff", "\u{1f600}");
const bound = fc.oneof(key, fc.constant(""));
const value = fc.constantFrom("1", "2", "3");
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("get", "delete", "metadata", "clearMetadata"),
    key,
  }) as fc.Arbitrary<Operation>,
  fc.record({ kind: fc.constant("put"), key, value }) as fc.Arbitrary<Operation>,
  fc.record({
    kind: fc.constant("range"),
    start: bound,
    end: bound,
    take: fc.integer({ min: 1, max: 5 }),
  }) as fc.Arbitrary<Operation>,
  fc.record({
    kind: fc.constantFrom("privateGet", "privateDelete", "privateHash", "privateMetadata"),
    key,
  }) as fc.Arbitrary<Operation>,
  fc.record({ kind: fc.constant("privatePut"), key, value }) as fc.Arbitrary<Operation>,
);
const program = fc.array(operation, { minLength: 1, maxLength: 4 });
/** Per block: programs simulated now, and how many of them wait for the block after. */
const chain = fc.array(
  fc.record({ programs: fc.array(program, { maxLength: 7 }), late: fc.nat(4) }),
  { minLength: 1, maxLength: 6 },
);

Deno.test("random transactions get the flags and leave the state of a naive model", () => {
  const seen = new Map<number, number>();
  fc.assert(
    fc.property(chain, (blocks) => {
      using test = testLedger({ limits: { maxDegreeQueryReadsHashing: 2 } });
      const { ledger } = test;
      defineChaincode(ledger, "cc", { coll: 0 });
      const state: State = new Map();
      let waiting: { simulated: Simulated; model: ModelTransaction }[] = [];
      for (const { programs, late } of blocks) {
        const fresh = programs.map((operations) => ({
          simulated: simulate(ledger, (s) => run(s, operations)),
          model: modelSimulation(state, operations),
        }));
        const split = Math.max(0, fresh.length - late);
        const list = [...waiting, ...fresh.slice(0, split)];
        waiting = fresh.slice(split);
        const block = ledger.info().height;
        const { flags } = commitNext(ledger, list.map(({ simulated }) => simulated));
        const expected = modelCommit(state, list.map(({ model }) => model), block);
        assert.deepEqual([...flags], expected);
        for (const flag of expected) seen.set(flag, (seen.get(flag) ?? 0) + 1);
        compareStates(ledger, state);
      }
    }),
    { numRuns: 60 },
  );
  // The generator reaches all three outcomes, or this test shows nothing.
  for (
    const code of [
      TxValidationCode.VALID,
      TxValidationCode.MVCC_READ_CONFLICT,
      TxValidationCode.PHANTOM_READ_CONFLICT,
    ]
  ) assert.ok((seen.get(code) ?? 0) > 5, `code ${code} seen ${seen.get(code)} times`);
});
