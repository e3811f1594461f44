/**
 * What may happen to chaincode in containers while a peer uses it: it leaves in the middle of a
 * transaction, never answers, its container or image is removed, the engine is stopped and started. The
 * caller gets the cause, and the next one a chaincode that works.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { connectEngine } from "../src/runtime/docker/connect.ts";
import { privateEngine } from "../scripts/docker-engine.ts";
import { repository } from "./support/denim.ts";
import { type DockerForTests, dockerTest, vmSettings } from "./support/docker.ts";
import { copyImage, makeBuilder } from "./support/own-engine.ts";
import { type NetworkForTests, peerDirectory, withNetwork } from "./support/running-network.ts";
import { withDirectory } from "./support/runtime.ts";

const plainChaincode = join(repository, "tests/support/plain-chaincode");
/** Asks until it answers: what ended in between is launched again by a call. */
async function comesBack({ query }: NetworkForTests): Promise<void> {
  let last: unknown;
  for (const deadline = Date.now() + 60_000; Date.now() < deadline;) {
    try {
      return assert.equal(await query("plain", "version"), '{"version":"1.0.0"}');
    } catch (error) {
      last = error;
      // It must say that the engine is not there, or that the instance ended, and nothing else.
      assert.match(String(error), /no Docker engine answers|stream terminated|ended|paused|ENOENT/);
    }
  }
  throw last;
}

dockerTest(
  "chaincode, containers, images and the engine itself may go: the next call works",
  async (
    docker: DockerForTests,
  ) => {
    // Containers are in the host's network; the machine's bridge and rules are another engine's.
    const engine = privateEngine("--iptables=false", "--ip-masq=false", "--ip-forward=false");
    assert(engine !== undefined, "no engine of our own can be started here");
    try {
      assert.equal(await engine.start(), undefined);
      const runtime = docker.platforms.node.runtime;
      await copyImage(docker.vm.endpoint, engine.endpoint, runtime);
      const connection = await connectEngine(vmSettings(engine.endpoint));
      const environment = {
        CORE_VM_ENDPOINT: engine.endpoint,
        CORE_CHAINCODE_BUILDER: await makeBuilder(connection.docker, runtime),
        CORE_CHAINCODE_NODE_RUNTIME: runtime,
        CORE_CHAINCODE_EXECUTETIMEOUT: "2s",
      };
      await withDirectory(async (directory) => {
        const owned = JSON.stringify({ label: [`org.denim.owner=${peerDirectory(directory)}`] });
        const containers = async () =>
          await connection.docker.listContainers({ all: true, filters: owned });
        await withNetwork({ directory, runtime: "docker", environment }, async (peer) => {
          const { deploy, query } = peer;
          await deploy("plain", plainChaincode);
          await comesBack(peer);

          // It leaves in the middle of a transaction: told at once, with its last words.
          await assert.rejects(
            query("plain", "exit", "7"),
            /exit code 7[^]*leaving in the middle of a transaction/,
          );
          await comesBack(peer);
          await assert.rejects(
            query("plain", "hang"),
            /timeout expired while executing transaction/,
          );
          await comesBack(peer);

          // Somebody removes the container, and the image too.
          const [first] = await containers();
          await connection.docker.getContainer(first.Id).remove({ force: true });
          await comesBack(peer);
          const [second] = await containers();
          assert.notEqual(second.Id, first.Id);
          await connection.docker.getContainer(second.Id).remove({ force: true });
          for (const { Id } of await connection.docker.listImages({ filters: owned })) {
            await connection.docker.getImage(Id).remove({ force: true });
          }
          await comesBack(peer);

          // The engine ends, and its containers with it. Who asks meanwhile hears why nothing comes.
          await engine.kill();
          await assert.rejects(
            async () => {
              // The first call may still find the connection of a chaincode that is about to end.
              for (let i = 0; i < 20; i++) await query("plain", "version");
            },
            /no Docker engine answers|stream terminated|ended/,
          );
          assert.equal(await engine.start(), undefined);
          await comesBack(peer);
          assert.equal((await containers()).length, 1);
        });
        assert.deepEqual(await containers(), []);
      });
      connection.close();
    } finally {
      await engine.stop();
    }
  },
  ["node", "own engine"],
);
