/**
 * `deno task compile [--self-extracting] [--output FILE]`: writes dist/denim, the one executable.
 *
 * Where the runtime base of `deno compile` can be had (DENORT_BIN, or fetched), it is a compiled
 * binary. Elsewhere the running Deno and a bundle of the sources are packed into one
 * self-extracting file that behaves the same.
 */
import { chmod, copyFile, cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "./compile/bundle.ts";
import { selfExtracting } from "./compile/self-extracting.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const output = option("--output") ?? join(root, "dist", "denim");
/** What `denim demo` runs; it looks for it beside the main module. */
const example = join("examples", "asset-js");

/** How long `deno compile` may take, its download included. */
const compileTimeoutMs = 180_000;

function option(name: string): string | undefined {
  const at = Deno.args.indexOf(name);
  return at < 0 ? undefined : Deno.args[at + 1];
}

async function compiled(): Promise<string | undefined> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      ...["compile", "-q", "-A", "--no-check", "--output", output],
      ...["--include", join(root, example), join(root, "main.ts")],
    ],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal: AbortSignal.timeout(compileTimeoutMs),
  });
  const result = await command.output();
  if (result.success) return undefined;
  return reasonOf(new TextDecoder().decode(result.stderr));
}

/** The innermost cause that deno names: `dns error: …`. */
function reasonOf(stderr: string): string {
  const causes = [...stderr.matchAll(/^ *\d+: (.+)$/gm)].map((match) => match[1])
    .filter((cause) => cause !== "<unknown>");
  return causes.at(-1) ?? stderr.trim().split("\n")[0] ?? "deno compile failed";
}

async function main(): Promise<void> {
  await mkdir(dirname(output), { recursive: true });
  if (!Deno.args.includes("--self-extracting")) {
    const refusal = await compiled();
    if (refusal === undefined) {
      console.log(`${output}: compiled with deno ${Deno.version.deno}`);
      return;
    }
    console.log(
      `The runtime base of 'deno compile' cannot be had here (${refusal}); ` +
        "packing the running Deno with a bundle instead.",
    );
  }
  const work = await Deno.makeTempDir({ prefix: "denim-compile-" });
  try {
    const app = join(work, "payload");
    await mkdir(app);
    await bundle(root, join(work, "build"), join(app, "app"));
    await cp(join(root, example), join(app, "app", example), { recursive: true });
    await copyFile(Deno.execPath(), join(app, "deno"));
    await chmod(join(app, "deno"), 0o755);
    await copyFile(join(root, "LICENSE"), join(app, "LICENSE"));
    const file = await selfExtracting(app);
    await rm(output, { force: true });
    await writeFile(output, file, { mode: 0o755 });
    const megabytes = ((await readFile(output)).length / 1e6).toFixed(0);
    console.log(`${output}: self-extracting, ${megabytes} MB, deno ${Deno.version.deno}`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

await main();
