/** Puts key files on disk, whole or not at all. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { hex } from "../../base/bytes.ts";
import { DenimError, messageOf } from "../../base/errors.ts";
import type { KeyFile, OrganizationKeys } from "./organization-keys.ts";

const secretMode = 0o600;
const publicMode = 0o644;

/**
 * Writes below `cryptoPath` (a crypto-config folder) and returns the organisation's folder.
 * @throws DenimError `keys-exist` where the organisation has keys already, `keys-not-written`
 */
export function writeOrganization(cryptoPath: string, keys: OrganizationKeys): string {
  const target = join(cryptoPath, keys.folder);
  writeKeyFolder(target, keys.domain, keys.files);
  return target;
}

/**
 * Writes a folder that is not there yet. The files are written beside it and renamed into place, so
 * no reader ever sees half of them.
 * @param owner whose keys they are, for messages
 * @throws DenimError `keys-exist`, `keys-not-written`
 */
export function writeKeyFolder(target: string, owner: string, files: readonly KeyFile[]): void {
  if (existsSync(target)) {
    throw new DenimError(
      "keys-exist",
      `${target} exists already`,
      { path: target },
      "Remove it to make new keys; what was signed with the old ones is then worthless.",
    );
  }
  const parent = dirname(target);
  const draft = join(parent, `.${owner}.${hex(randomBytes(6))}`);
  try {
    const made = new Set<string>();
    for (const { path, content, secret } of files) {
      const file = join(draft, path);
      const folder = dirname(file);
      if (!made.has(folder)) mkdirSync(folder, { recursive: true });
      made.add(folder);
      writeFileSync(file, content, { mode: secret ? secretMode : publicMode });
    }
    renameSync(draft, target);
  } catch (cause) {
    if (existsSync(draft)) rmSync(draft, { recursive: true, force: true });
    throw new DenimError(
      "keys-not-written",
      `the keys of ${owner} could not be written to ${target}: ${messageOf(cause)}`,
      { path: target },
      "Check that the folder can be written and the disk has room.",
      { cause },
    );
  }
}
