/** Bundles main.ts and everything it imports with esbuild, split so that commands load only theirs. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * dockerode reaches remote engines over SSH through a native add-on; Denim has no use for it. What
 * stands in for it must fail when it is used, not when it is loaded: dockerode loads it always.
 */
const absent = "exports.Client=class{constructor(){" +
  "throw new Error('this build of denim has no SSH transport for Docker')}};\n";

/**
 * CommonJS packages inside an ES module ask for node's modules through `require`. Importing
 * createRequire for that would load most of them at every start, which takes 20 ms.
 */
const requireBuiltin = "const require=(name)=>{" +
  "const found=globalThis.process.getBuiltinModule(name);" +
  "if(!found)throw new Error('Cannot find module '+name);" +
  "return found};";

/**
 * @param root the repository
 * @param work an own directory for the build's parts
 * @param outputDirectory receives main.js and its chunks
 */
export async function bundle(root: string, work: string, outputDirectory: string): Promise<void> {
  await mkdir(work, { recursive: true });
  const config = JSON.parse(await readFile(join(root, "deno.json"), "utf8"));
  const dependencies: Record<string, string> = { esbuild: "0.28.2" };
  for (const [name, specifier] of Object.entries<string>(config.imports)) {
    const match = /^npm:((?:@[^/]+\/)?[^@/]+)@([^/]+)$/.exec(specifier);
    if (match && name === match[1]) dependencies[name] = match[2];
  }
  await writeFile(join(work, "package.json"), JSON.stringify({ dependencies }));
  await writeFile(join(work, "absent.cjs"), absent);
  await run(Deno.execPath(), ["install", "-q", "--node-modules-dir=auto", "--no-lock"], work);
  await run(
    join(work, "node_modules", ".bin", "esbuild"),
    [
      join(root, "main.ts"),
      "--bundle",
      "--splitting",
      "--format=esm",
      "--platform=node",
      "--target=esnext",
      "--minify-syntax",
      "--minify-whitespace",
      "--legal-comments=none",
      "--log-level=error",
      `--alias:ssh2=${join(work, "absent.cjs")}`,
      `--alias:cpu-features=${join(work, "absent.cjs")}`,
      // Its ES modules: a CommonJS package keeps its names only where it is imported statically.
      `--alias:yaml=${join(work, "node_modules", "yaml", "browser", "index.js")}`,
      "--entry-names=[name]",
      "--chunk-names=chunks/[name]-[hash]",
      `--banner:js=${requireBuiltin}`,
      `--outdir=${outputDirectory}`,
    ],
    work,
    { NODE_PATH: join(work, "node_modules") },
  );
  await hideDynamicImports(outputDirectory);
}

/**
 * Deno reads, at every start, all modules that it can see the program may import later. It cannot
 * see through a function, so that a command costs only what it uses.
 */
async function hideDynamicImports(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { recursive: true })) {
    if (!entry.endsWith(".js")) continue;
    const path = join(directory, entry);
    const code = await readFile(path, "utf8");
    await writeFile(
      path,
      code.replace(/\bimport\(("\.{1,2}\/[^"]+\.js")\)/g, "import((name=>name)($1))"),
    );
  }
}

async function run(
  program: string,
  args: string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<void> {
  const result = await new Deno.Command(program, {
    args,
    cwd,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (result.success) return;
  const said = new TextDecoder().decode(result.stderr) + new TextDecoder().decode(result.stdout);
  throw new Error(`${program} ${args[0]} failed with code ${result.code}:\n${said}`);
}
