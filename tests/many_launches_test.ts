/** Twenty instantiates at once of five packages: five builds, no failure, nothing left behind. */
import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectEngine } from "../src/runtime/docker/connect.ts";
import { assetExample, repository } from "./support/denim.ts";
import { type DockerForTests, dockerTest } from "./support/docker.ts";
import { peerDirectory, withNetwork } from "./support/running-network.ts";

const packageCount = 5;
const launchCount = 20;
/** Builds in containers without npm's registry, of which twenty would take minutes. */
const plainChaincode = join(repository, "tests/support/plain-chaincode");

/** Descriptors of this process that are sockets, pipes or files; what epoll and timers use stays. */
function descriptors(): number {
  if (!existsSync("/proc/self/fd")) return 0;
  return readdirSync("/proc/self/fd").length;
}

/** Processes whose parent is this one. */
function children(): string[] {
  if (!existsSync("/proc")) return [];
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return Number(parent) === Deno.pid && state !== "Z";
    } catch {
      return false;
    }
  });
}

/** Installs and instantiates all of them at once, and asks each one something. */
async function launchMany(
  directory: string,
  runtime: "process" | "docker",
  example: string,
  environment: Record<string, string>,
  check: () => Promise<void> | void,
): Promise<void> {
  await withNetwork({ directory, runtime, environment }, async ({ deploy, query }) => {
    const sources = Array.from({ length: packageCount }, (_, i) => {
      const path = join(directory, `source${i}`);
      cpSync(example, path, { recursive: true });
      const json = JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
      writeFileSync(
        join(path, "package.json"),
        JSON.stringify({ ...json, version: `1.0.${i}`, description: directory }),
      );
      return path;
    });
    // Connections are open, and modules loaded, before the machine is busy with builds.
    await deploy("warm", example);
    const numbers = [...Array(launchCount).keys()];
    const results = await Promise.allSettled(
      numbers.map((i) => deploy(`cc${i}`, sources[i % packageCount])),
    );
    for (const result of results) if (result.status === "rejected") throw result.reason;
    const versions = await Promise.all(numbers.map((i) => query(`cc${i}`, "version")));
    versions.forEach((version, i) => {
      assert.equal(version, `{"version":"1.0.${i % packageCount}"}`);
    });
    await check();
  });
}

function withDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "denim-many-"));
  return run(directory).finally(() => rmSync(directory, { recursive: true, force: true }));
}

Deno.test("process: twenty at once of five packages make five builds and leave nothing running or open", async () => {
  const childrenBefore = children();
  let peak = 0;
  await withDirectory(async (directory) => {
    const before = descriptors();
    let processes = "";
    await launchMany(directory, "process", assetExample, {}, () => {
      processes = join(peerDirectory(directory), "processes");
      assert.equal(readdirSync(join(processes, "builds")).length, packageCount + 1);
      // One installation serves them all: their dependencies are equal.
      assert.equal(readdirSync(join(processes, "cache", "modules")).length, 1);
      assert.equal(readdirSync(join(processes, "instances")).length, launchCount + 1);
      peak = descriptors();
    });
    assert.deepEqual(readdirSync(join(processes, "instances")), []);
    assert.deepEqual(children(), childrenBefore);
    const after = descriptors();
    // Modules loaded on the way may keep a few; twenty chaincodes had sixty and more.
    assert(after <= before + 10, `${before} descriptors before, ${peak} at work, ${after} after`);
  });
});

dockerTest(
  "docker: twenty at once of five packages make five builds and leave no container, image or descriptor",
  async (docker: DockerForTests) => {
    await withDirectory(async (directory) => {
      const before = descriptors();
      const connection = await connectEngine(docker.vm);
      const engine = connection.docker;
      const filters = JSON.stringify({ label: [`org.denim.owner=${peerDirectory(directory)}`] });
      try {
        await launchMany(
          directory,
          "docker",
          plainChaincode,
          {
            CORE_VM_ENDPOINT: docker.vm.endpoint,
            CORE_CHAINCODE_BUILDER: docker.platforms.builder,
            CORE_CHAINCODE_NODE_RUNTIME: docker.platforms.node.runtime,
          },
          async () => {
            const running = await engine.listContainers({ all: true, filters });
            assert.equal(running.length, launchCount + 1);
          },
        );
        assert.deepEqual(await engine.listContainers({ all: true, filters }), []);
        const images = await engine.listImages({ filters });
        // Each has its name and its labels; none was left half made.
        assert.deepEqual(
          images.map(({ RepoTags }) => RepoTags?.map((tag) => /-(\w+)-1\.0-/.exec(tag)?.[1]))
            .sort(),
          [...Array(launchCount).keys()].map((i) => [`cc${i}`]).concat([["warm"]]).sort(),
        );
        // Two builds never make the same layer: files have times.
        const layers = await Promise.all(
          images.map(async ({ Id }) => (await engine.getImage(Id).inspect()).RootFS?.Layers.join()),
        );
        assert.equal(new Set(layers).size, packageCount + 1);
      } finally {
        for (const { Id } of await engine.listImages({ filters })) {
          await engine.getImage(Id).remove({ force: true });
        }
        connection.close();
      }
      const after = descriptors();
      assert(after <= before + 10, `${before} descriptors before, ${after} after`);
    });
  },
);
