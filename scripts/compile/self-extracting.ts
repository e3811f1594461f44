/** One file that is a program: a POSIX shell header, then a compressed archive of a directory. */
import { createHash } from "node:crypto";
import { concat, utf8 } from "../../src/base/bytes.ts";
import { bundleFlags } from "../../src/cli/own-command.ts";

const runFlags = bundleFlags.join(" ");

/**
 * The header unpacks into a directory named by the content's digest, so that versions live beside
 * each other, and makes the directory appear in one step: when several start at once, all but one
 * drop their copy. It says on what it failed where the disk or the file does not let it. A directory
 * that another user made is not trusted, unless DENIM_CACHE names it.
 */
function header(digest: string, length: number): string {
  return `#!/bin/sh
# denim: unpacks itself once into a cache directory, then runs from there.
set -u
case "$0" in */*) self=$0 ;; *) self=$(command -v -- "$0") ;; esac
cache=\${DENIM_CACHE:-\${XDG_CACHE_HOME:-\${HOME:-/nonexistent}/.cache}/denim}
here=$cache/${digest}
ready() { [ -x "$here/deno" ] && { [ -n "\${DENIM_CACHE:-}" ] || [ -O "$here" ]; }; }
fail() { echo "Error: denim cannot unpack itself: $1" >&2; echo "Hint: $2" >&2; exit 1; }
if ! ready; then
  umask 077
  if ! mkdir -p "$cache" 2>/dev/null || [ ! -w "$cache" ] || [ -e "$here" ]; then
    cache=\${TMPDIR:-/tmp}/denim-$(id -u); here=$cache/${digest}
    mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] && [ -O "$cache" ] ||
      fail "$cache cannot be written, or is another user's" "set DENIM_CACHE to a directory of yours"
  fi
fi
if ! ready; then
  payload() { tail -c +${length + 1} -- "$self"; }
  sum=$({ payload | sha256sum || payload | shasum -a 256; } 2>/dev/null)
  case "$sum" in ''|${digest}*) ;; *) fail "$self is damaged" "build or download it again" ;; esac
  # What was killed while it unpacked an hour ago will not go on.
  find "$cache" -maxdepth 1 -name '.part-*' -mmin +60 -exec rm -rf {} + 2>/dev/null
  part=$cache/.part-$$; rm -rf "$part"
  trap 'rm -rf "$part"' EXIT; trap 'exit 1' HUP INT TERM
  mkdir "$part" && payload | gzip -dc 2>/dev/null | tar -xf - -C "$part" 2>/dev/null &&
    [ -x "$part/deno" ] ||
    fail "no room in $cache?" "make room, or set DENIM_CACHE to another directory"
  if [ ! -d "$here" ]; then mv "$part" "$here" 2>/dev/null; fi
  rm -rf "$part" "$here/.part-$$"
  trap - EXIT HUP INT TERM
fi
DENIM_PROGRAM=$0 DENO_DIR=$here/cache DENO_NO_UPDATE_CHECK=1 exec "$here/deno" run ${runFlags} "$here/app/main.js" "$@"
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
      "--mode=go-w",
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
