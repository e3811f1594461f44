/**
 * How long chaincode in containers takes to be there: with nothing cached, with the dependencies of
 * earlier builds, with its image.
 */
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureBaseImages } from "../base-images.ts";
import { engineRequest } from "../base-images/engine-api.ts";
import { inNetwork } from "./launches.ts";
import type { Measured } from "./measure.ts";
import type { Program } from "./program.ts";

const input = ["-c", '{"Args":[]}'];
/** An image that is only labelled anew is there within this time. */
const labelTimeoutMs = 60_000;

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
  for (const [language, type] of [["js", "node"], ["go", "golang"]]) {
    const add = (name: string, values: number[]) =>
      results.push({ name: `${language}: ${name}`, unit: "ms", values });
    /** The example, unlike any that was built before. */
    const fresh = (directory: string) => {
      const source = join(directory, language);
      cpSync(join(examples, `asset-${language}`), source, { recursive: true });
      writeFileSync(join(source, "once.json"), JSON.stringify({ at: Date.now() }));
      return source;
    };
    const install = (
      name: string,
      path: string,
    ) => ["chaincode", "install", "-l", type, "-n", name, "-v", "1.0", "-p", path];
    const instantiate = (
      name: string,
    ) => ["chaincode", "instantiate", "-C", "mychannel", "-n", name, "-v", "1.0", ...input];
    const withCache = (cache: boolean) => ({
      ...environment,
      CORE_CHAINCODE_BUILD_CACHE: String(cache),
    });
    const up = ["--runtime", "docker"];
    await inNetwork(program, up, withCache(false), async (directory) => {
      await program.run(install("bench", fresh(directory)), directory);
      add("instantiate, docker, nothing cached", [
        await program.timed(instantiate("bench"), directory),
      ]);
    });
    await inNetwork(program, up, withCache(true), async (directory) => {
      const source = fresh(directory);
      await program.run(install("bench", source), directory);
      add("instantiate, docker, dependencies of earlier builds kept", [
        await program.timed(instantiate("bench"), directory),
      ]);
      const there: number[] = [];
      const restart: number[] = [];
      for (let i = 0; i < runs; i++) {
        const name = `bench${i}`;
        await program.run(install(name, source), directory);
        await imageIsThere(endpoint, name);
        there.push(await program.timed(instantiate(name), directory));
        restart.push(await program.timed(["chaincode", "restart", name], directory));
      }
      add("instantiate, docker, image there", there);
      add("restart, docker", restart);
    });
  }
  return results;
}

/** Waits for the build that an install began. */
async function imageIsThere(endpoint: string, name: string): Promise<void> {
  for (const deadline = Date.now() + labelTimeoutMs; Date.now() < deadline;) {
    const { text } = await engineRequest(endpoint, "GET", "/images/json");
    if (text.includes(`-${name}-1.0-`)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no image of ${name}`);
}
