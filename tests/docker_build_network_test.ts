/** Builds in containers that reach their packages only through a proxy, from a registry with a CA of its own. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { utf8 } from "../src/base/bytes.ts";
import { withRemedy } from "../src/chaincode/launch-failure.ts";
import { ChaincodeSpec_Type } from "../src/gen/peer/chaincode_pb.ts";
import { connectEngine } from "../src/runtime/docker/connect.ts";
import { followProgress } from "../src/runtime/docker/output-stream.ts";
import { writeTar } from "../src/runtime/platforms/tar.ts";
import type { ChaincodeToRun } from "../src/runtime/types.ts";
import { type DockerForTests, dockerTest } from "./support/docker.ts";
import { request, withRuntime } from "./support/docker-runtime.ts";
import { testAuthority } from "./support/fake-peer.ts";
import { type ForwardProxy, startForwardProxy } from "./support/forward-proxy.ts";
import {
  goModule,
  npmPackage,
  type PackageRegistry,
  registryHost,
  startPackageRegistry,
} from "./support/package-registry.ts";
import { Recorder, withDirectory, written } from "./support/runtime.ts";

const never = new AbortController().signal;
const registryUrl = `https://${registryHost}`;

interface Surroundings {
  /** What the chaincode prints when it has been built with its package. */
  readonly word: string;
  readonly registry: PackageRegistry;
  readonly proxy: ForwardProxy;
  /** Docker's settings are there. */
  readonly directory: string;
  readonly caFile: string;
}

async function withRegistry(run: (surroundings: Surroundings) => Promise<void>): Promise<void> {
  const authority = testAuthority();
  const word = `word ${Date.now()}`; // Nothing like it was built before.
  const registry = await startPackageRegistry(
    word,
    authority.issue("serverAuth", [registryHost]),
  );
  const proxy = await startForwardProxy({ [registryHost]: registry.port });
  try {
    await withDirectory(async (directory) => {
      const caFile = join(directory, "ca.pem");
      writeFileSync(caFile, authority.certificatePem);
      await run({ word, registry, proxy, directory, caFile });
    });
  } finally {
    await proxy.close();
    await registry.close();
  }
}

/** Runs what prints its word and ends. @returns its output */
async function output(
  docker: DockerForTests,
  chaincode: ChaincodeToRun,
  { directory }: Surroundings,
  environment: Readonly<Record<string, string>>,
  caFile: string,
): Promise<string[]> {
  const owner = `network${Deno.pid}`;
  let lines: string[] = [];
  await withRuntime(docker, async (runtime) => {
    try {
      const running = await runtime.start(request(chaincode), new Recorder(), never);
      await running.exited;
      lines = running.lastOutput().map(({ text }) => text);
    } finally {
      await runtime.prune([]);
    }
  }, {
    owner,
    environment: { DOCKER_CONFIG: directory, ...environment },
    build: { cache: false, caFile },
  });
  return lines;
}

function nodeChaincode(word: string): ChaincodeToRun {
  return written(ChaincodeSpec_Type.NODE, "proxied", {
    "src/package.json": JSON.stringify({
      name: "proxied",
      version: "1.0.0",
      description: word,
      scripts: { start: "node main.js" },
      dependencies: { [npmPackage]: "1.0.0" },
    }),
    "src/main.js": `console.log(require("${npmPackage}"));`,
    "src/.npmrc": `registry=${registryUrl}/\nfetch-retries=0\n`,
  });
}

dockerTest(
  "npm in a build goes through the proxy, and trusts the CA that is set",
  async (docker) => {
    await withRegistry(async (surroundings) => {
      const { word, proxy, caFile } = surroundings;
      const through = { HTTPS_PROXY: proxy.url };
      const chaincode = nodeChaincode(word);
      await assert.rejects(output(docker, chaincode, surroundings, through, ""), (error) => {
        const { message } = withRemedy(error);
        assert.match(message, /certificate[^]*\nHint: .*chaincode\.build\.ca\.file/);
        return true;
      });
      const lines = await output(docker, chaincode, surroundings, through, caFile);
      assert(lines.includes(word), lines.join("\n"));
      assert.deepEqual([...proxy.connected], [`${registryHost}:443`]);
    });
  },
);

/** The builder with its Go modules from the registry of the test. */
async function goBuilder(docker: DockerForTests): Promise<string> {
  const image = `denim-test-modules-${Deno.pid}`;
  const dockerfile =
    `FROM ${docker.platforms.builder}\nENV GOPROXY=${registryUrl} GOSUMDB=off GOFLAGS=\n`;
  const { docker: engine, close } = await connectEngine(docker.vm);
  try {
    const context = writeTar([{ name: "Dockerfile", content: utf8(dockerfile) }]);
    await followProgress(await engine.buildImage(Buffer.from(context), { t: image }), () => {});
  } finally {
    close();
  }
  return image;
}

dockerTest(
  "Go in a build goes through the proxy of Docker's config.json, and trusts the CA that is set",
  async (docker) => {
    await withRegistry(async (surroundings) => {
      const { word, registry, proxy, caFile, directory } = surroundings;
      writeFileSync(
        join(directory, "config.json"),
        JSON.stringify({ proxies: { default: { httpsProxy: proxy.url } } }),
      );
      const chaincode = written(ChaincodeSpec_Type.GOLANG, "proxied", {
        "src/ex.org/proxied/go.mod":
          `module ex.org/proxied\n\ngo 1.17\n\nrequire ${goModule} v1.0.0\n`,
        "src/ex.org/proxied/go.sum": registry.goSum,
        "src/ex.org/proxied/main.go":
          `package main\n\nimport "${goModule}"\n\nfunc main() { println(words.Word) }\n`,
      }, "ex.org/proxied");
      const builder = await goBuilder(docker);
      const withModules = { ...docker, platforms: { ...docker.platforms, builder } };
      try {
        const lines = await output(withModules, chaincode, surroundings, {}, caFile);
        assert(lines.includes(word), lines.join("\n"));
        assert.deepEqual([...proxy.connected], [`${registryHost}:443`]);
      } finally {
        const { docker: engine, close } = await connectEngine(docker.vm);
        await engine.getImage(builder).remove();
        close();
      }
    });
  },
  ["golang"],
);
