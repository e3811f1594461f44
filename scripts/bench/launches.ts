/** How long a chaincode takes to be there: process, edits. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../src/base/free-ports.ts";
import type { Measured } from "./measure.ts";
import type { Program } from "./program.ts";

const input = ["-c", '{"Args":[]}'];

/** Milliseconds of the last step of a `deploy`, the instantiation or upgrade itself. */
function lastStep(output: string): number {
  return Number(/^ *(\d+) ms {2}(?:instantiated|upgraded).*\n$/m.exec(output)?.[1]);
}

/** A network in an empty directory; sources are copied, so that they can be edited. */
export async function inNetwork(
  program: Program,
  up: readonly string[],
  environment: Readonly<Record<string, string>>,
  run: (directory: string) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "denim-bench-"));
  try {
    await program.run(["up", "--detach", "--port", "0", ...up], directory, environment);
    await run(directory);
  } finally {
    await program.run(["down", "--purge"], directory).catch(() => {});
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Process runtime, and `chaincode dev`. */
export async function measureProcesses(
  program: Program,
  examples: string,
  runs: number,
): Promise<Measured[]> {
  const results: Measured[] = [];
  await inNetwork(program, ["--runtime", "process"], {}, async (directory) => {
    for (
      const [language, file] of [["js", "chaincode.js"], ["go", "main.go"]] as const
    ) {
      const source = join(directory, language);
      cpSync(join(examples, `asset-${language}`), source, { recursive: true });
      const deploy = async () =>
        lastStep(
          await program.run(["chaincode", "deploy", source, "-n", language, ...input], directory),
        );
      const first = await deploy();
      results.push({
        name: `${language}: instantiate, process, first`,
        unit: "ms",
        values: [first],
      });
      const upgrades: number[] = [];
      for (let i = 0; i < runs; i++) {
        const path = join(source, file);
        writeFileSync(path, `${readFileSync(path, "utf8")}\n// ${i}\n`);
        upgrades.push(await deploy());
      }
      results.push({
        name: `${language}: upgrade, process, one file changed`,
        unit: "ms",
        values: upgrades,
      });
      results.push({
        name: `${language}: chaincode dev, edit to ready`,
        unit: "ms",
        values: await edits(program, directory, source, language, file, runs),
      });
    }
  });
  return results;
}

/** A chaincode service that runs already, dialled by the peer: instantiated, and found again after a stop. */
export async function measureService(
  program: Program,
  examples: string,
  runs: number,
): Promise<Measured[]> {
  const [port] = await freePorts(1);
  const address = `127.0.0.1:${port}`;
  const environment = { CORE_CHAINCODE_SERVICES_SERVED_ADDRESS: address };
  const instantiate: number[] = [];
  const restart: number[] = [];
  await inNetwork(program, ["--runtime", "process"], environment, async (directory) => {
    const source = join(directory, "js");
    cpSync(join(examples, "asset-js"), source, { recursive: true });
    const main = join(source, "chaincode.js");
    const server =
      `Shim.server(new AssetChaincode(), { ccid: "served:1.0", address: "${address}" })`;
    const served = readFileSync(main, "utf8")
      .replace("Shim.start(new AssetChaincode());", `${server}.start();`);
    writeFileSync(main, served);
    const service = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--node-modules-dir=auto", "chaincode.js"],
      cwd: source,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      await listening(port);
      const deploy = ["chaincode", "deploy", source, "-n", "served", "-v", "1.0", ...input];
      instantiate.push(lastStep(await program.run(deploy, directory)));
      for (let i = 0; i < runs; i++) {
        restart.push(await program.timed(["chaincode", "restart", "served"], directory));
      }
    } finally {
      service.kill("SIGKILL");
      await service.status;
    }
  });
  return [
    { name: "js: instantiate, service", unit: "ms", values: instantiate },
    { name: "js: restart, service (whole command)", unit: "ms", values: restart },
  ];
}

/** Until something accepts connections there. */
async function listening(port: number): Promise<void> {
  for (;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** From the moment a file is written until `dev` says that the chaincode is ready. */
async function edits(
  program: Program,
  directory: string,
  source: string,
  name: string,
  file: string,
  runs: number,
): Promise<number[]> {
  const child = program.spawn(["chaincode", "dev", source, "-n", name], directory);
  const decoder = new TextDecoder();
  const reader = child.stdout.getReader();
  let output = "";
  const says = async (pattern: RegExp) => {
    while (!pattern.test(output)) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`denim chaincode dev ended:\n${output}`);
      output += decoder.decode(value, { stream: true });
    }
    output = "";
  };
  try {
    await says(/edit the sources/);
    const values: number[] = [];
    const path = join(source, file);
    for (let i = 0; i < runs; i++) {
      const began = performance.now();
      writeFileSync(path, `${readFileSync(path, "utf8")}\n// edit ${i}\n`);
      await says(/is ready after/);
      values.push(performance.now() - began);
    }
    return values;
  } finally {
    child.kill("SIGINT");
    reader.releaseLock();
    await child.stdout.cancel();
    await child.status;
  }
}
