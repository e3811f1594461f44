/** An engine whose disk is full, in truth: whoever waits is told so, nothing stays, and with room again it works. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { withRemedy } from "../src/chaincode/launch-failure.ts";
import { ChaincodeSpec_Type } from "../src/gen/peer/chaincode_pb.ts";
import { connectEngine } from "../src/runtime/docker/connect.ts";
import type { ChaincodeToRun } from "../src/runtime/types.ts";
import { privateEngine } from "../scripts/docker-engine.ts";
import { type DockerForTests, dockerTest, vmSettings } from "./support/docker.ts";
import { request, script, withRuntime } from "./support/docker-runtime.ts";
import { copyImage, makeBuilder } from "./support/own-engine.ts";
import { Recorder, withDirectory, written } from "./support/runtime.ts";
import { until } from "./support/until.ts";

const never = new AbortController().signal;
/** Room for the base image twice, as loading takes it, and a little more. */
const diskMegabytes = 400;

/** A command of the machine. @throws Error with what it wrote */
function run(command: string, ...args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command(command, { args }).outputSync();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${command}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

/** A file system of a file, so that no fill of it fills the machine's. */
function mountSmallDisk(directory: string, place: string): void {
  const image = join(directory, "disk");
  Deno.writeFileSync(image, new Uint8Array(0));
  Deno.truncateSync(image, diskMegabytes * 1024 * 1024);
  run("mkfs.ext4", "-q", "-m", "0", "-b", "4096", image);
  run("mount", "-o", "loop", image, place);
}

function freeMegabytes(place: string): number {
  // What was removed counts once the journal is written.
  run("sync", "-f", place);
  return Math.floor(
    Number(run("stat", "-f", "-c", "%a", place)) *
      Number(run("stat", "-f", "-c", "%S", place)) / 1024 / 1024,
  );
}

/** Fills a disk to its last block. @returns the files that do */
function fill(place: string): string[] {
  const fillers: string[] = [];
  const freeBlocks = () => {
    run("sync", "-f", place);
    return Number(run("stat", "-f", "-c", "%a", place));
  };
  // Of what was reserved for writing some is given back once it is written.
  for (let i = 0; i < 20 && freeBlocks() > 0; i++) {
    const filler = join(place, `filler${i}`);
    fillers.push(filler);
    assert.throws(() => run("dd", "if=/dev/zero", `of=${filler}`, "bs=4k"), /No space left/);
  }
  assert.equal(freeBlocks(), 0);
  return fillers;
}

/** Chaincode whose installation makes so much more. */
function heavy(name: string, megabytes: number): ChaincodeToRun {
  return written(ChaincodeSpec_Type.NODE, name, {
    "src/package.json": JSON.stringify({
      name,
      version: "1.0.0",
      scripts: { start: "node x.js", install: `head -c ${megabytes}M /dev/zero >heavy` },
    }),
  });
}

dockerTest(
  "out of space in the builder, the image or at the start: told, cleaned, tried again",
  async (docker: DockerForTests) => {
    // Containers are in the host's network; the machine's bridge and rules are another engine's.
    const engine = privateEngine("--iptables=false", "--ip-masq=false", "--ip-forward=false");
    assert(engine !== undefined, "no engine of our own can be started here");
    await withDirectory(async (directory) => {
      mountSmallDisk(directory, engine.dataRoot);
      try {
        assert.equal(await engine.start(), undefined);
        const node = docker.platforms.node.runtime;
        await copyImage(docker.vm.endpoint, engine.endpoint, node);
        const { docker: api, close } = await connectEngine(vmSettings(engine.endpoint));
        const builder = await makeBuilder(api, node);
        const small = {
          vm: vmSettings(engine.endpoint),
          platforms: { ...docker.platforms, builder },
        };
        const free = () => freeMegabytes(engine.dataRoot);
        await withRuntime(small, async (runtime) => {
          const fails = async (chaincode: ChaincodeToRun, step: string) => {
            const before = free();
            const observer = new Recorder();
            await assert.rejects(runtime.start(request(chaincode), observer, never), (error) => {
              const { message } = withRemedy(error);
              assert.match(message, /no space left on device[^]*\nHint: The disk is full/i);
              return true;
            });
            assert(observer.steps.includes(`${step} failed`), observer.steps.join());
            assert.deepEqual(
              await api.listContainers({ all: true, filters: "{}" }),
              [],
            );
            await until("the room is there again", () => free() >= before - 5);
          };
          const works = async (chaincode: ChaincodeToRun) => {
            await (await runtime.start(request(chaincode), new Recorder(), never)).stop();
          };
          const room = free();
          await fails(heavy("builder", room + 50), "build");
          // What fits once, into the builder, does not fit twice: as the context of the image and in its layer.
          await fails(heavy("image", Math.floor(room * 0.7)), "image");
          const chaincode = script("start");
          await works(chaincode);

          // Others fill the disk to its last byte while the image is there.
          const fillers = fill(engine.dataRoot);
          await fails(chaincode, "create");
          for (const filler of fillers) rmSync(filler);
          await works(chaincode);
        });
        close();
      } finally {
        await engine.stop();
      }
    });
  },
  ["node", "own engine", "small disk"],
);
