import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { emptyBytes, utf8 } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { CollectionConfigPackageSchema } from "../gen/common/collection_pb.ts";
import { BlockMetadataIndex } from "../gen/common/common_pb.ts";
import { SignaturePolicyEnvelopeSchema } from "../gen/common/policies_pb.ts";
import { TxPvtReadWriteSetSchema } from "../gen/ledger/rwset/rwset_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import { newBlock, setMetadataSlot } from "../protocol/block.ts";
import { type PrivateDataSource, readablePrivateData } from "./block-private-data.ts";

const signed = { data: emptyBytes, identity: utf8("someone"), signature: emptyBytes };
const members = { payload: { case: "signaturePolicy" as const, value: {} } };

interface CollectionOptions {
  readonly memberOnlyRead?: boolean;
  readonly policy?: typeof members | { payload: { case: undefined } };
}

/** Definitions of collections, by name. */
function collections(configs: Record<string, CollectionOptions>) {
  return create(CollectionConfigPackageSchema, {
    config: Object.entries(configs).map(([name, { memberOnlyRead, policy }]) => ({
      payload: {
        case: "staticCollectionConfig" as const,
        value: { name, memberOnlyRead, memberOrgsPolicy: policy },
      },
    })),
  });
}

/** Private writes of one transaction: namespaces with the names of their collections. */
function privateWrites(namespaces: Record<string, string[]>) {
  return create(TxPvtReadWriteSetSchema, {
    nsPvtRwset: Object.entries(namespaces).map(([namespace, names]) => ({
      namespace,
      collectionPvtRwset: names.map((collectionName) => ({
        collectionName,
        rwset: utf8(`${namespace}/${collectionName}`),
      })),
    })),
  });
}

/** Block 7 with these validation codes. */
function blockWith(...codes: TxValidationCode[]) {
  const block = newBlock(7n, emptyBytes, codes.map(() => emptyBytes));
  setMetadataSlot(block, BlockMetadataIndex.TRANSACTIONS_FILTER, Uint8Array.from(codes));
  return block;
}

function source(
  data: [number, ReturnType<typeof privateWrites>][],
  defined: Record<string, CollectionOptions>,
  isMember: () => boolean = () => true,
): PrivateDataSource & { evaluations: number } {
  const it = {
    evaluations: 0,
    privateDataOfBlock: () => new Map(data),
    collectionsBefore: (number: number, chaincode: string) => {
      assert.equal(number, 7);
      return chaincode === "cc" ? collections(defined) : undefined;
    },
    compilePolicy: () => ({
      evaluate: () => {
        it.evaluations++;
        if (!isMember()) throw new DenimError("policy-not-satisfied", "no");
      },
      evaluateIdentities: () => {},
    }),
  };
  return it;
}

/** `transaction: namespace/collection, …` */
function told(readable: ReturnType<typeof readablePrivateData>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(readable).map(([tx, { nsPvtRwset }]) => [
      tx,
      nsPvtRwset.flatMap(({ namespace, collectionPvtRwset }) =>
        collectionPvtRwset.map(({ collectionName, rwset }) => {
          assert.equal(new TextDecoder().decode(rwset), `${namespace}/${collectionName}`);
          return `${namespace}/${collectionName}`;
        })
      ),
    ]),
  );
}

const valid = TxValidationCode.VALID;

Deno.test("everybody may read a collection without member_only_read, members the others", () => {
  const data: [number, ReturnType<typeof privateWrites>][] = [
    [0, privateWrites({ cc: ["open", "closed"] })],
    [2, privateWrites({ cc: ["closed"] })],
  ];
  const defined = { open: {}, closed: { memberOnlyRead: true, policy: members } };
  const block = blockWith(valid, valid, valid);
  const member = readablePrivateData(block, source(data, defined), signed);
  assert.deepEqual(told(member), { 0: ["cc/open", "cc/closed"], 2: ["cc/closed"] });
  const stranger = source(data, defined, () => false);
  assert.deepEqual(told(readablePrivateData(block, stranger, signed)), { 0: ["cc/open"] });
  assert.equal(stranger.evaluations, 1, "one decision for a collection of a block");
});

Deno.test("private data of invalid transactions is not sent", () => {
  const data: [number, ReturnType<typeof privateWrites>][] = [
    [0, privateWrites({ cc: ["open"] })],
    [1, privateWrites({ cc: ["open"] })],
    [9, privateWrites({ cc: ["open"] })], // of no transaction at all
  ];
  const block = blockWith(TxValidationCode.MVCC_READ_CONFLICT, valid);
  assert.deepEqual(told(readablePrivateData(block, source(data, { open: {} }), signed)), {
    1: ["cc/open"],
  });
});

Deno.test("without private data there is none", () => {
  assert.deepEqual(readablePrivateData(blockWith(valid), source([], {}), signed), {});
});

Deno.test("a collection that nobody has defined, or without members, ends the stream", () => {
  const read = (collection: string, chaincode = "cc") => {
    const defined = {
      nobody: { memberOnlyRead: true },
      unset: { memberOnlyRead: true, policy: { payload: { case: undefined } } },
    };
    const data = source([[0, privateWrites({ [chaincode]: [collection] })]], defined);
    return () => readablePrivateData(blockWith(valid), data, signed);
  };
  assert.throws(read("other"), {
    message: "no collection config was found for collection other for chaincode cc",
  });
  assert.throws(read("nobody", "cc2"), {
    message: "no collection config was found for collection nobody for chaincode cc2",
  });
  assert.throws(read("nobody"), {
    message: "error setting up collection  nobody: Collection config policy is nil",
  });
  assert.throws(read("unset"), {
    message: "error setting up collection  unset: Collection config access policy is nil",
  });
});

Deno.test("a policy that cannot be used ends the stream", () => {
  const data = source([[0, privateWrites({ cc: ["closed"] })]], {
    closed: { memberOnlyRead: true, policy: members },
  });
  const broken = {
    ...data,
    compilePolicy: (policy: unknown) => {
      assert.deepEqual(policy, create(SignaturePolicyEnvelopeSchema));
      throw new DenimError("bad-policy", "unknown type");
    },
  };
  assert.throws(() => readablePrivateData(blockWith(valid), broken, signed), {
    message: "error setting up collection  closed: failed constructing policy object out of " +
      "collection policy config: unknown type",
  });
});
