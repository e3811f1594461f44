/** The recorded data of a real Fabric 1.4.2 peer, as tests use it. See tests/testdata/golden/README.md. */
import { readdirSync, readFileSync } from "node:fs";
import { create, fromBinary } from "@bufbuild/protobuf";
import { type Block, BlockSchema } from "../../src/gen/common/common_pb.ts";
import {
  CollectionPvtReadWriteSetSchema,
  NsPvtReadWriteSetSchema,
  type TxPvtReadWriteSet,
  TxPvtReadWriteSetSchema,
} from "../../src/gen/ledger/rwset/rwset_pb.ts";
import { TxValidationCode } from "../../src/gen/peer/transaction_pb.ts";
import { fromBase64 } from "../../src/base/bytes.ts";

const directory = new URL("../testdata/golden/", import.meta.url);

export function goldenFile(path: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(path, directory)));
}

function goldenJson<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(path, directory), "utf8"));
}

export interface RecordedBlock {
  block: number;
  title: string;
  commitHash?: string;
  txs: { tx: number; txid: string; type: string; code: number; name: string; what?: string }[];
}

export interface RecordedEntry {
  namespace: string;
  key?: string;
  keyBase64: string;
  valueBase64: string;
  metadataBase64?: string;
  version: { block: number; tx: number };
}

export interface RecordedProposal {
  Name: string;
  Channel: string;
  Chaincode: string;
  Height: number;
  Args: string[] | null;
  Transient?: Record<string, string>;
  TxID: string;
  Status: number;
  Message: string;
  GRPCError?: string;
  Endorsed: boolean;
}

export function goldenBlocks(): Block[] {
  return readdirSync(new URL("blocks/", directory)).filter((name) => name.endsWith(".block"))
    .sort().map((name) => fromBinary(BlockSchema, goldenFile(`blocks/${name}`)));
}

export function goldenValidation(): RecordedBlock[] {
  return goldenJson("validation.json");
}

export function goldenState(): RecordedEntry[] {
  return goldenJson<{ entries: RecordedEntry[] }>("state.json").entries;
}

export function goldenProposals(): RecordedProposal[] {
  return goldenJson("proposals/index.json");
}

/** Clear private write sets by block and transaction. */
export function goldenPrivateData(): Map<number, Map<number, TxPvtReadWriteSet>> {
  const recorded = goldenJson<
    {
      block: number;
      tx: number;
      namespace: string;
      collectionPvtReadWriteSetBase64: string;
    }[]
  >("pvtdata.json");
  const blocks = new Map<number, Map<number, TxPvtReadWriteSet>>();
  for (const { block, tx, namespace, collectionPvtReadWriteSetBase64 } of recorded) {
    const sets = blocks.get(block) ?? new Map<number, TxPvtReadWriteSet>();
    blocks.set(block, sets);
    const set = sets.get(tx) ?? create(TxPvtReadWriteSetSchema);
    sets.set(tx, set);
    let ns = set.nsPvtRwset.find((candidate) => candidate.namespace === namespace);
    if (ns === undefined) {
      ns = create(NsPvtReadWriteSetSchema, { namespace });
      set.nsPvtRwset.push(ns);
    }
    ns.collectionPvtRwset.push(
      fromBinary(
        CollectionPvtReadWriteSetSchema,
        fromBase64(collectionPvtReadWriteSetBase64),
      ),
    );
  }
  return blocks;
}

/** Recorded flags as validation gives them before MVCC: conflicts are still VALID. */
export function flagsBeforeMvcc(recorded: RecordedBlock): Uint8Array {
  return Uint8Array.from(
    recorded.txs,
    ({ code }) =>
      code === TxValidationCode.MVCC_READ_CONFLICT ||
        code === TxValidationCode.PHANTOM_READ_CONFLICT
        ? TxValidationCode.VALID
        : code,
  );
}
