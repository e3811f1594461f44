/** Code packages as directories. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DenimError } from "../../base/errors.ts";
import type { TarEntry } from "../platforms/tar.ts";

/**
 * Writes the regular files of a package below a directory.
 * @throws DenimError `invalid-code-package` for names that lead out of it
 */
export function unpack(entries: readonly TarEntry[], directory: string): void {
  for (const entry of entries) {
    if (entry.type !== "0" && entry.type !== "7") continue;
    const parts = entry.name.split("/").filter((part) => part !== "" && part !== ".");
    if (parts.length === 0 || parts.includes("..") || entry.name.includes("\0")) {
      throw new DenimError(
        "invalid-code-package",
        `illegal file detected in payload: "${entry.name}"`,
        { name: entry.name },
      );
    }
    const path = join(directory, ...parts);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, entry.content, { mode: 0o644 });
  }
}
