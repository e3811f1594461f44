/** What a recording's JSON files say a peer made of its blocks: flags, state, private data. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { fromBase64 } from "../base/bytes.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import {
  CollectionPvtReadWriteSetSchema,
  NsPvtReadWriteSetSchema,
  type TxPvtReadWriteSet,
  TxPvtReadWriteSetSchema,
} from "../gen/ledger/rwset/rwset_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";

export interface RecordedTransaction {
  readonly tx: number;
  readonly txid?: string;
  readonly code: number;
  readonly name?: string;
}

/** What `validation.json` says of one block. Hashes are hexadecimal. */
export interface RecordedBlock {
  readonly block: number;
  readonly commitHash?: string;
  readonly dataHash?: string;
  readonly headerHashOfPrevious?: string;
  readonly txs: readonly RecordedTransaction[];
}

/** One entry of `state.json`. */
export interface RecordedState {
  readonly namespace: string;
  readonly key?: string;
  readonly keyBase64: string;
  readonly valueBase64: string;
  readonly metadataBase64?: string;
  readonly version: { readonly block: number; readonly tx: number };
}

/** Clear private writes by block and transaction. */
export type RecordedPrivateData = ReadonlyMap<number, ReadonlyMap<number, TxPvtReadWriteSet>>;

export function badRecording(message: string, file: string, cause?: unknown): DenimError {
  return new DenimError(
    "bad-recording",
    cause === undefined ? message : `${message}: ${messageOf(cause)}`,
    { file },
    "a recording holds artifacts/<channel>.block and blocks/0001.block, blocks/0002.block, …",
  );
}

type Json = Readonly<Record<string, unknown>>;

/** The content of a JSON file, undefined where there is none. @throws DenimError `bad-recording` */
function readJson(directory: string, name: string): unknown {
  const file = join(directory, name);
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw badRecording(`${file} cannot be read`, file, cause);
  }
}

/** Typed access to values that may be anything; mistakes name the file and the place. */
class Fields {
  constructor(readonly file: string, readonly place: string, readonly json: Json) {}

  static of(file: string, place: string, value: unknown): Fields {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw badRecording(`${file}: ${place} is not an object`, file);
    }
    return new Fields(file, place, value as Json);
  }

  #wrong(name: string, kind: string): DenimError {
    return badRecording(`${this.file}: ${this.place} has no ${kind} "${name}"`, this.file);
  }

  number(name: string): number {
    const value = this.json[name];
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#wrong(name, "number");
  }

  text(name: string): string {
    const value = this.json[name];
    if (typeof value === "string") return value;
    throw this.#wrong(name, "text");
  }

  optionalText(name: string): string | undefined {
    const value = this.json[name];
    return value === undefined || value === null ? undefined : this.text(name);
  }

  object(name: string): Fields {
    return Fields.of(this.file, `"${name}" of ${this.place}`, this.json[name]);
  }

  /** A list's elements; `null` is Go's empty list. */
  list(name: string): Fields[] {
    return listOf(this.file, `"${name}" of ${this.place}`, this.json[name]);
  }
}

function listOf(file: string, place: string, value: unknown): Fields[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw badRecording(`${file}: ${place} is not a list`, file);
  return value.map((element, i) => Fields.of(file, `element ${i} of ${place}`, element));
}

/** The list that a file is, or has under this name. */
function fileList(directory: string, name: string, property: string): Fields[] | undefined {
  const json = readJson(directory, name);
  if (json === undefined) return undefined;
  const file = join(directory, name);
  if (json === null || Array.isArray(json)) return listOf(file, "the file", json);
  return Fields.of(file, "the file", json).list(property);
}

/** @throws DenimError `bad-recording` */
export function recordedValidation(directory: string): RecordedBlock[] | undefined {
  return fileList(directory, "validation.json", "blocks")?.map((fields) => ({
    block: fields.number("block"),
    commitHash: fields.optionalText("commitHash"),
    dataHash: fields.optionalText("dataHash"),
    headerHashOfPrevious: fields.optionalText("headerHashOfPrevious"),
    txs: fields.list("txs").map((tx, i) => ({
      tx: tx.json.tx === undefined ? i : tx.number("tx"),
      txid: tx.optionalText("txid"),
      code: codeOf(tx),
      name: tx.optionalText("name"),
    })),
  }));
}

/** The flag as a number; a recording may have its name alone. */
function codeOf(tx: Fields): number {
  if (tx.json.code !== undefined) return tx.number("code");
  const code = (TxValidationCode as unknown as Record<string, unknown>)[tx.text("name")];
  return typeof code === "number" ? code : tx.number("code");
}

/** @throws DenimError `bad-recording` */
export function recordedState(directory: string): RecordedState[] | undefined {
  return fileList(directory, "state.json", "entries")?.map((fields) => {
    const version = fields.object("version");
    return {
      namespace: fields.text("namespace"),
      key: fields.optionalText("key"),
      keyBase64: fields.text("keyBase64"),
      valueBase64: fields.text("valueBase64"),
      metadataBase64: fields.optionalText("metadataBase64"),
      version: { block: version.number("block"), tx: version.number("tx") },
    };
  });
}

/** The channel that `state.json` names. */
export function recordedChannel(directory: string): string | undefined {
  const json = readJson(directory, "state.json");
  const channel = (json as { channel?: unknown } | null | undefined)?.channel;
  return typeof channel === "string" && channel !== "" ? channel : undefined;
}

/** @throws DenimError `bad-recording` */
export function recordedPrivateData(directory: string): RecordedPrivateData {
  const blocks = new Map<number, Map<number, TxPvtReadWriteSet>>();
  for (const fields of fileList(directory, "pvtdata.json", "entries") ?? []) {
    const [block, tx, name] = [
      fields.number("block"),
      fields.number("tx"),
      fields.text("namespace"),
    ];
    const sets = blocks.get(block) ?? new Map<number, TxPvtReadWriteSet>();
    blocks.set(block, sets);
    const set = sets.get(tx) ?? create(TxPvtReadWriteSetSchema);
    sets.set(tx, set);
    let namespace = set.nsPvtRwset.find((candidate) => candidate.namespace === name);
    if (namespace === undefined) {
      namespace = create(NsPvtReadWriteSetSchema, { namespace: name });
      set.nsPvtRwset.push(namespace);
    }
    const bytes = fields.text("collectionPvtReadWriteSetBase64");
    try {
      namespace.collectionPvtRwset.push(
        decodeAsGo(CollectionPvtReadWriteSetSchema, fromBase64(bytes)),
      );
    } catch (cause) {
      throw badRecording(
        `${fields.file}: block ${block}, transaction ${tx}`,
        fields.file,
        cause,
      );
    }
  }
  return blocks;
}
