/** Base images that the engine does not have come from their registry, with the credentials of Docker's settings. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { withRemedy } from "../src/chaincode/launch-failure.ts";
import { ChaincodeSpec_Type } from "../src/gen/peer/chaincode_pb.ts";
import { connectEngine } from "../src/runtime/docker/connect.ts";
import type { PlatformSettings } from "../src/runtime/platforms/types.ts";
import { type DockerForTests, dockerTest } from "./support/docker.ts";
import { withRuntime } from "./support/docker-runtime.ts";
import { startRegistry } from "./support/registry.ts";
import { Recorder, withDirectory, written } from "./support/runtime.ts";

const never = new AbortController().signal;

/** Ann may pull; her password comes from config.json or from a helper that is a program. */
const auths = (registry: string, login: string) => ({
  auths: { [registry]: { auth: btoa(login) } },
});
const helped = (registry: string) => ({ credHelpers: { [registry]: "vault" } });
const vault = `#!/bin/sh
read server
echo "$1 $server" >>"$ASKED"
echo '{"ServerURL":"'$server'","Username":"ann","Secret":"secret"}'
`;

/** Builds with these settings of Docker. @returns what was seen, and the client's message if it failed */
async function build(
  docker: DockerForTests,
  base: Partial<PlatformSettings>,
  config: unknown,
): Promise<{ observer: Recorder; message: string; asked: string }> {
  const observer = new Recorder();
  let message = "";
  let asked = "";
  await withDirectory(async (directory) => {
    writeFileSync(join(directory, "config.json"), JSON.stringify(config));
    writeFileSync(join(directory, "docker-credential-vault"), vault, { mode: 0o755 });
    const seen = join(directory, "asked");
    writeFileSync(seen, "");
    const environment = {
      DOCKER_CONFIG: directory,
      PATH: `${directory}:${Deno.env.get("PATH")}`,
      ASKED: seen,
    };
    const chaincode = written(ChaincodeSpec_Type.NODE, "pulled", {
      "src/package.json": JSON.stringify({
        name: "pulled",
        version: "1.0.0",
        description: directory,
        scripts: { start: "node x.js" },
      }),
    });
    const platforms = { ...docker.platforms, ...base };
    const peer = { networkId: "test", peerId: `pull${Deno.pid}` };
    await withRuntime({ ...docker, platforms }, async (runtime) => {
      try {
        await runtime.build(chaincode, observer, never);
      } catch (error) {
        message = withRemedy(error).message;
      }
      await runtime.prune([]);
    }, { environment, peer, owner: `pull${Deno.pid}` });
    asked = Deno.readTextFileSync(seen);
  });
  return { observer, message, asked };
}

dockerTest(
  "a missing base image is pulled with credentials, and its progress is told",
  async (docker) => {
    const registry = await startRegistry("ann:secret");
    const { docker: engine, close } = await connectEngine(docker.vm);
    const told = (
      { observer: { lines, steps }, message }: { observer: Recorder; message: string },
    ) => {
      assert(steps.includes("pull end"), message);
      assert(registry.askedBy.has("ann:secret"));
      assert.match(lines.join("\n"), new RegExp(`pulling ${registry.image}`));
      // Not every engine tells the same; each names the image's layer or digest.
      assert.match(lines.join("\n"), /(^|\n)([0-9a-f]{12}: \w+|Digest: sha256:)/);
    };
    try {
      // The image has no shell: the build fails after the pull, and needs no second one.
      const builder = { builder: registry.image };
      const first = await build(docker, builder, auths(registry.address, "ann:secret"));
      told(first);
      assert.match(first.message, /could not build chaincode pulled:1\.0/);
      assert(!(await build(docker, builder, {})).observer.steps.includes("pull begin"));
      await engine.getImage(registry.image).remove({ force: true });

      // The runtime image is pulled like the builder's, before the image is built on it.
      registry.askedBy.clear();
      const node = { node: { runtime: registry.image } };
      const second = await build(docker, node, helped(registry.address));
      told(second);
      assert.equal(second.message, "");
      assert.equal(second.asked, `get ${registry.address}\n`);
      const { steps } = second.observer;
      assert.deepEqual(steps.slice(steps.indexOf("image begin")), [
        "image begin",
        "pull begin",
        "pull end",
        "image end",
      ]);
    } finally {
      await engine.getImage(registry.image).remove({ force: true }).catch(() => {});
      close();
      await registry.close();
    }
  },
);

dockerTest("a pull that fails says why, and what to do", async (docker) => {
  const registry = await startRegistry("ann:secret");
  const ann = auths(registry.address, "ann:secret");
  const fails = async (image: string, config: unknown, expected: RegExp) => {
    const { observer, message } = await build(docker, { builder: image }, config);
    assert(observer.steps.includes("pull failed"), message);
    assert.match(message, new RegExp(`Failed to pull ${image.replaceAll(".", "\\.")}: `));
    assert.match(message, expected);
  };
  try {
    const credentials =
      /(?:credentials|unauthorized|denied|authentication)[^]*\nHint: .*docker login/i;
    await fails(registry.image, {}, credentials);
    await fails(registry.image, auths(registry.address, "ann:wrong"), credentials);
    assert(registry.askedBy.has("ann:wrong") && !registry.askedBy.has("ann:secret"));
    const absent = /\nHint: The registry has no image .*chaincode\.builder/;
    await fails(`${registry.address}/denim/nothing:1`, ann, absent);
  } finally {
    await registry.close();
  }
  await fails(registry.image, ann, /\nHint: The engine does not reach the registry of /);
});
