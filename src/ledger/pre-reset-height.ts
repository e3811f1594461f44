/**
 * How high a channel was before a reset or rollback: until it is there again, its state is that of
 * the past. Mirrors common/ledger/blkstorage/fsblkstorage/reset.go.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DenimError } from "../base/errors.ts";

const fileName = "__preResetHeight";

/** @param folder the channel's directory. A greater height from an earlier reset stays. */
export function recordPreResetHeight(folder: string, height: number): void {
  const file = join(folder, fileName);
  if (existsSync(file) && read(file) >= height) return;
  writeFileSync(`${file}.part`, String(height), { flush: true });
  renameSync(`${file}.part`, file);
}

/** Heights by channel. @throws DenimError `ledger-damaged` naming a file that holds no number */
export function preResetHeights(directory: string): Map<string, number> {
  const heights = new Map<string, number>();
  if (!existsSync(directory)) return heights;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const file = join(directory, entry.name, fileName);
    if (entry.isDirectory() && existsSync(file)) heights.set(entry.name, read(file));
  }
  return heights;
}

/** Forgets the heights of all channels. */
export function clearPreResetHeights(directory: string): void {
  for (const channelId of preResetHeights(directory).keys()) {
    rmSync(join(directory, channelId, fileName), { force: true });
  }
}

function read(file: string): number {
  const text = readFileSync(file, "utf8");
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new DenimError(
    "ledger-damaged",
    `error loading prereset height: ${file} holds no number`,
    { file },
    "Run 'denim node reset' again, or remove the file once the channel is complete.",
  );
}
