import assert from "node:assert/strict";
import { utf8 } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { silentLogger } from "../base/logger.ts";
import { applicationCapabilities } from "../channel/capabilities.ts";
import { createEcdsaProvider } from "../crypto/provider.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import type { PeerLedger, QueryExecutor } from "../ledger/types.ts";
import { newBlock } from "../protocol/block.ts";
import { encodeChaincodeData } from "../protocol/chaincode-data.ts";
import { buildTransaction } from "../../tests/support/transactions.ts";
import { type Validating, validatingAt } from "../../tests/support/validating.ts";
import { createBlockValidator } from "./block-validator.ts";
import { anyMemberPolicy } from "./chaincode-rules.ts";

interface Changes {
  readonly capability?: string;
  /** Looked at before the ledger's state. */
  readonly getState?: (namespace: string, key: string) => Uint8Array | undefined;
  readonly onDone?: () => void;
}

/** Codes for a block of the fixture's channel under another capability or state. */
async function codesUnder(
  { channel }: Validating,
  changes: Changes,
  transactions: readonly Uint8Array[],
): Promise<string[]> {
  const ecdsa = createEcdsaProvider();
  const { ledger } = channel;
  const newQueryExecutor: PeerLedger["newQueryExecutor"] = () => {
    const real = ledger.newQueryExecutor();
    const executor: QueryExecutor = Object.create(real, {
      getState: {
        value: (namespace: string, key: string) =>
          changes.getState?.(namespace, key) ?? real.getState(namespace, key),
      },
      getStateMetadata: {
        value: (namespace: string, key: string) => real.getStateMetadata(namespace, key),
      },
      done: {
        value: () => {
          changes.onDone?.();
          real.done();
        },
      },
    });
    return executor;
  };
  const capabilities = applicationCapabilities(new Set([changes.capability ?? "V1_4_2"]));
  const validator = createBlockValidator({
    channelId: "mychannel",
    bundleSource: { bundle: () => ({ ...channel.bundle(), capabilities }) },
    ledger: { hasTransaction: (txId) => ledger.hasTransaction(txId), newQueryExecutor },
    ecdsa,
    configTx: { validate: () => {} },
    logger: silentLogger,
  });
  try {
    const flags = await validator.validate(newBlock(20n, new Uint8Array(32), transactions));
    return [...flags].map((code) => TxValidationCode[code]);
  } finally {
    ecdsa.close?.();
  }
}

Deno.test("before 1.2 a transaction that writes nothing needs no endorsement, later it does", async () => {
  using fixture = await validatingAt(6);
  const silent = buildTransaction({ creator: fixture.user1, endorsers: [] }).bytes;
  assert.deepEqual(await codesUnder(fixture, { capability: "V1_1" }, [silent]), ["VALID"]);
  assert.deepEqual(await codesUnder(fixture, { capability: "V1_2" }, [silent]), [
    "ENDORSEMENT_POLICY_FAILURE",
  ]);
});

Deno.test("without V1_1 transactions with one id may both be valid", async () => {
  using fixture = await validatingAt(6);
  const { user1, org1 } = fixture;
  const transaction = buildTransaction({ creator: user1, endorsers: [org1] }).bytes;
  const twice = [transaction, transaction];
  assert.deepEqual(await codesUnder(fixture, { capability: "none" }, twice), ["VALID", "VALID"]);
  assert.deepEqual(await codesUnder(fixture, { capability: "V1_1" }, twice), [
    "VALID",
    "DUPLICATE_TXID",
  ]);
});

Deno.test("before 1.3 key-level policies are not looked at, and an unreadable endorser spoils all", async () => {
  using fixture = await validatingAt(6);
  const { user1, org1, org2 } = fixture;
  const sets = [{ namespace: "assetcc", policies: { a: anyMemberPolicy(["Org2MSP"]) } }];
  const change = buildTransaction({ creator: user1, endorsers: [org1], sets }).bytes;
  const write = buildTransaction({
    creator: user1,
    endorsers: [org1],
    sets: [{ namespace: "assetcc", writes: { a: "1" } }],
  }).bytes;
  const nobody = { ...org2, serialized: new Uint8Array([0x0a, 0x7f]) };
  const odd = buildTransaction({ creator: user1, endorsers: [org1, nobody] }).bytes;
  const block = [change, write, odd];
  assert.deepEqual(await codesUnder(fixture, { capability: "V1_2" }, block), [
    "VALID",
    "VALID",
    "ENDORSEMENT_POLICY_FAILURE",
  ]);
  assert.deepEqual(await codesUnder(fixture, { capability: "V1_3" }, block), [
    "VALID",
    "ENDORSEMENT_POLICY_FAILURE",
    "VALID",
  ]);
});

Deno.test("state that cannot be read stops validation, and the snapshot is released", async () => {
  using fixture = await validatingAt(6);
  const { user1, org1 } = fixture;
  const transaction = buildTransaction({ creator: user1, endorsers: [org1] }).bytes;
  let released = 0;
  const broken = codesUnder(fixture, {
    getState: () => {
      throw new DenimError("ledger-damaged", "state unreadable");
    },
    onDone: () => released++,
  }, [transaction]);
  await assert.rejects(broken, (error) => error instanceof DenimError);
  assert.equal(released, 1);
});

Deno.test("a chaincode of a validation plugin that this peer lacks stops validation", async () => {
  using fixture = await validatingAt(6);
  const { user1, org1 } = fixture;
  const empty = new Uint8Array(0);
  const definition = encodeChaincodeData({
    name: "assetcc",
    version: "1.0",
    escc: "escc",
    vscc: "special",
    policy: anyMemberPolicy(["Org1MSP"]),
    data: empty,
    id: empty,
    instantiationPolicy: empty,
  });
  const of = (bytes: Uint8Array) =>
    codesUnder(fixture, { getState: (_, key) => key === "assetcc" ? bytes : undefined }, [
      buildTransaction({ creator: user1, endorsers: [org1] }).bytes,
    ]);
  await assert.rejects(
    of(definition),
    (error) => error instanceof DenimError && error.code === "validation-plugin-missing",
  );
  assert.deepEqual(await of(utf8("garbage")), ["INVALID_OTHER_REASON"]);
});
