/** How long a chaincode takes to be there: nothing cached, image there, process, service, edits. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureBaseImages } from "../base-images.ts";
import type { Measured } from "./measure.ts";
import type { Program } from "./program.ts";

const input = ["-c", '{"Args":[]}'];

/** Milliseconds of the last step of a `deploy`, the instantiation or upgrade itself. */
function lastStep(output: string): number {
  return Number(/^ *(\d+) ms {2}(?:instantiated|upgraded).*\n$/m.exec(output)?.[1]);
}

/** A network in an empty directory; sources are copied, so that they can be edited. */
async function inNetwork(
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

/** With the engine at `endpoint`, whose base images are made where they are missing. */
export async function measureDocker(
  program: Program,
  examples: string,
  endpoint: string,
  runs: number,
): Promise<Measured[]> {
  const images = await ensureBaseImages(endpoint, (message) => console.error(message));
  const environment = {
    CORE_VM_ENDPOINT: endpoint,
    CORE_CHAINCODE_BUILDER: images.builder,
    CORE_CHAINCODE_NODE_RUNTIME: images.nodeRuntime ?? "",
    CORE_CHAINCODE_GOLANG_RUNTIME: images.golangRuntime ?? "",
    CORE_CHAINCODE_GOLANG_DYNAMICLINK: "true",
  };
  const results: Measured[] = [];
  for (const language of ["js", "go"]) {
    const name = `bench${language}`;
    await inNetwork(program, ["--runtime", "docker"], environment, async (directory) => {
      const source = join(directory, language);
      cpSync(join(examples, `asset-${language}`), source, { recursive: true });
      writeFileSync(join(source, "once.json"), JSON.stringify({ at: Date.now() }));
      const began = performance.now();
      await program.run(["chaincode", "deploy", source, "-n", name, ...input], directory);
      const all = performance.now() - began;
      results.push({
        name: `${language}: deploy, docker, not built before`,
        unit: "ms",
        values: [all],
      });
      // The same package under other names: the image is there and is only labelled.
      const there: number[] = [];
      const restart: number[] = [];
      for (let i = 0; i < runs; i++) {
        const other = ["chaincode", "deploy", source, "-n", `${name}${i}`, ...input];
        there.push(lastStep(await program.run(other, directory)));
        restart.push(await program.timed(["chaincode", "restart", `${name}${i}`], directory));
      }
      results.push({
        name: `${language}: instantiate, docker, image there`,
        unit: "ms",
        values: there,
      });
      results.push({
        name: `${language}: restart, docker (whole command)`,
        unit: "ms",
        values: restart,
      });
    });
  }
  return results;
}
