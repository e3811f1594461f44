/** Base images that the engine does not have come from their registry, with the credentials of Docker's settings. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../src/base/clock.ts";
import { silentLogger } from "../src/base/logger.ts";
import { ChaincodeSpec_Type } from "../src/gen/peer/chaincode_pb.ts";
import { connectEngine } from "../src/runtime/docker/connect.ts";
import type { CredentialHelper } from "../src/runtime/docker/docker-config.ts";
import { DockerRuntime } from "../src/runtime/docker/docker-runtime.ts";
import { dockerTest } from "./support/docker.ts";
import { startRegistry } from "./support/registry.ts";
import { Recorder, withDirectory, written } from "./support/runtime.ts";

const never = new AbortController().signal;

dockerTest(
  "a missing base image is pulled with credentials, and its progress is told",
  async (docker) => {
    const registry = await startRegistry("ann:secret");
    const { docker: engine, close } = await connectEngine(docker.vm);
    const platforms = { ...docker.platforms, builder: registry.image };
    const chaincode = written(ChaincodeSpec_Type.NODE, "pulled", {
      "src/package.json": `{"description":"${registry.address}"}`,
    });
    /** Builds with these settings of Docker. The image has no shell, so every build fails after the pull. */
    const build = async (config: unknown, credentialHelper?: CredentialHelper) => {
      const observer = new Recorder();
      let message = "";
      await withDirectory(async (directory) => {
        writeFileSync(join(directory, "config.json"), JSON.stringify(config));
        const runtime = new DockerRuntime({
          ...docker,
          platforms,
          credentialHelper,
          environment: { DOCKER_CONFIG: directory },
          peer: { networkId: "test", peerId: `pull${Deno.pid}` },
          logger: silentLogger,
          clock: systemClock,
        });
        try {
          await runtime.build(chaincode, observer, never);
        } catch (error) {
          message = String(error);
        } finally {
          await runtime.close();
        }
      });
      return { observer, message };
    };
    const withAuth = { auths: { [registry.address]: { auth: btoa("ann:secret") } } };
    const withHelper = { credHelpers: { [registry.address]: "vault" } };
    try {
      const refused = await build({});
      assert.match(
        refused.message,
        /Failed to pull 127\.0\.0\.1:\d+\/denim\/base:1: .*credentials/,
      );
      assert(refused.observer.steps.includes("pull failed"));
      assert.deepEqual([...registry.askedBy], [""]);

      const asked: string[] = [];
      for (
        const [config, helper] of [
          [withAuth, undefined],
          [withHelper, (name: string, server: string) => {
            asked.push(`${name} ${server}`);
            return Promise.resolve('{"Username":"ann","Secret":"secret"}');
          }],
        ] as const
      ) {
        registry.askedBy.clear();
        const { observer, message } = await build(config, helper);
        assert(observer.steps.includes("pull end"), message);
        assert(registry.askedBy.has("ann:secret"));
        const lines = observer.lines.join("\n");
        assert.match(lines, /1: Pulling from denim\/base/);
        assert.match(lines, /[0-9a-f]{12}: Pull complete/);
        assert.match(lines, /Downloaded newer image for 127\.0\.0\.1/);
        // What is wrong with the image is told; and it needs no second pull.
        assert.match(message, /build-failed|could not build chaincode pulled:1\.0/);
        assert(!(await build({})).observer.steps.includes("pull begin"));
        await engine.getImage(registry.image).remove({ force: true });
      }
      assert.deepEqual(asked, [`vault ${registry.address}`]);
    } finally {
      close();
      await registry.close();
    }
  },
);
