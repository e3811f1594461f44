/** Files of an npm package that tests compare with, without installing its dependencies. */
import { gunzipSync } from "node:zlib";
import { text } from "../../src/base/bytes.ts";

/** Fetches a package's tarball with npm and gives its text files by path (without `package/`). */
export async function npmPackageFiles(
  name: string,
  version: string,
  wanted: (path: string) => boolean,
): Promise<Map<string, string>> {
  const directory = await Deno.makeTempDir({ prefix: "denim-npm-" });
  try {
    const result = await new Deno.Command("npm", {
      args: ["pack", `${name}@${version}`, "--silent", "--pack-destination", directory],
      cwd: directory,
      stderr: "piped",
      stdout: "piped",
    }).output();
    if (!result.success) throw new Error(`npm pack failed: ${text(result.stderr)}`);
    const tarball = text(result.stdout).trim().split("\n").at(-1) ?? "";
    const files = new Map<string, string>();
    const { extract } = await import("tar-stream");
    const reader = extract();
    reader.end(gunzipSync(await Deno.readFile(`${directory}/${tarball}`)));
    for await (const entry of reader) {
      const path = entry.header.name.replace(/^package\//, "");
      const chunks: Uint8Array[] = [];
      for await (const chunk of entry) chunks.push(chunk as Uint8Array);
      if (wanted(path)) files.set(path, chunks.map((chunk) => text(chunk)).join(""));
      entry.resume();
    }
    return files;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
