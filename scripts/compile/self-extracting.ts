/** One file that is a program: a POSIX shell header, then a compressed archive of a directory. */
import { createHash } from "node:crypto";
import { concat, utf8 } from "../../src/base/bytes.ts";

/**
 * The header unpacks into a directory named by the content's digest, so that versions live beside
 * each other, and makes the directory appear in one step: when several start at once, all but one
 * drop their copy. It says on what it failed where the disk does not let it.
 */
function header(digest: string, length: number): string {
  return `#!/bin/sh
# denim: unpacks itself once into a cache directory, then runs from there.
set -u
case "$0" in */*) self=$0 ;; *) self=$(command -v -- "$0") ;; esac
cache=\${DENIM_CACHE:-\${XDG_CACHE_HOME:-\${HOME:-/tmp/denim-$(id -u)}/.cache}/denim}
here=$cache/${digest}
if [ ! -x "$here/deno" ]; then
  umask 077
  if ! mkdir -p "$cache" 2>/dev/null || [ ! -w "$cache" ]; then
    cache=\${TMPDIR:-/tmp}/denim-$(id -u); here=$cache/${digest}
    mkdir -p "$cache" || { echo "Error: denim cannot unpack: $cache is not writable; set DENIM_CACHE to a directory that is" >&2; exit 1; }
  fi
fi
if [ ! -x "$here/deno" ]; then
  part=$cache/.part-$$; rm -rf "$part"
  trap 'rm -rf "$part"' EXIT; trap 'exit 1' HUP INT TERM
  mkdir "$part" && tail -c +${length + 1} -- "$self" | gzip -dc | tar -xf - -C "$part" &&
    [ -x "$part/deno" ] || { echo "Error: denim cannot unpack into $cache: is the disk full? Set DENIM_CACHE to another directory" >&2; exit 1; }
  if [ ! -d "$here" ]; then mv "$part" "$here" 2>/dev/null; fi
  rm -rf "$part" "$here/.part-$$"
  trap - EXIT HUP INT TERM
fi
DENIM_PROGRAM=$0 DENO_DIR=$here/cache DENO_NO_UPDATE_CHECK=1 exec "$here/deno" run -A --quiet --no-config --no-lock --no-npm --no-remote "$here/app/main.js" "$@"
`;
}

/** @param directory its content becomes the archive; must hold `deno` and `app/main.js` */
export async function selfExtracting(directory: string): Promise<Uint8Array> {
  const tar = await new Deno.Command("tar", {
    args: [
      "--sort=name",
      "--owner=0",
      "--group=0",
      "--numeric-owner",
      "--mtime=@0",
      "-cf",
      "-",
      "-C",
      directory,
      ".",
    ],
    stdout: "piped",
    stderr: "inherit",
  }).output();
  if (!tar.success) throw new Error("tar failed");
  const stream = new Blob([tar.stdout as Uint8Array<ArrayBuffer>]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  const archive = new Uint8Array(await new Response(stream).arrayBuffer());
  const digest = createHash("sha256").update(archive).digest("hex").slice(0, 16);
  // The length of the header is part of the header: five digits, whatever the cache is called.
  const draft = header(digest, 10_000);
  const text = header(digest, utf8(draft).length);
  const padded = text.padEnd(utf8(draft).length, "\n");
  return concat(utf8(padded), archive);
}
