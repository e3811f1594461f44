/** Bundles main.ts and everything it imports with esbuild, split so that commands load only theirs. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** dockerode reaches remote engines over SSH through a native add-on; Denim has no use for it. */
const absent = "throw new Error('this build of denim has no SSH transport for Docker');\n";

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
      // CommonJS packages inside an ES module ask for node's modules through require.
      "--banner:js=import{createRequire as __denimRequire}from'node:module';" +
      "const require=__denimRequire(import.meta.url);",
      `--outdir=${outputDirectory}`,
    ],
    work,
    { NODE_PATH: join(work, "node_modules") },
  );
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
