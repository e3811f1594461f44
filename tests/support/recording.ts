/** Copies of the recording that tests change, and how they are replayed. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { BlockSchema } from "../../src/gen/common/common_pb.ts";
import type { Workplace } from "./denim.ts";

/** The recording. */
export const golden = fileURLToPath(new URL("../testdata/golden/", import.meta.url));
/** What replay reads of it. */
export const parts = ["blocks", "validation.json", "state.json", "pvtdata.json"];

/** A folder of its own with the recording, without what replay does not need. */
export function recordingIn(work: Workplace, name: string): string {
  const folder = join(work.directory, name);
  mkdirSync(join(folder, "artifacts"), { recursive: true });
  cpSync(
    join(golden, "artifacts", "mychannel.block"),
    join(folder, "artifacts", "mychannel.block"),
  );
  for (const part of parts) cpSync(join(golden, part), join(folder, part), { recursive: true });
  return folder;
}

// deno-lint-ignore no-explicit-any -- a recording's JSON, changed by hand
export type Changeable = any;

/** Rewrites a JSON file of a recording. */
export function changeJson(file: string, change: (json: Changeable) => void): void {
  const json = JSON.parse(readFileSync(file, "utf8"));
  change(json);
  writeFileSync(file, JSON.stringify(json));
}

/** The arguments that replay a folder. */
export const replayOf = (folder: string, ...more: string[]) => [
  ...["ledger", "replay", folder, "--mspid", "Org1MSP"],
  ...more,
];

/** Rewrites a block of a recording. */
export function changeBlock(
  file: string,
  change: (block: ReturnType<typeof fromBinary<typeof BlockSchema>>) => void,
): void {
  const block = fromBinary(BlockSchema, readFileSync(file));
  change(block);
  writeFileSync(file, toBinary(BlockSchema, block));
}
