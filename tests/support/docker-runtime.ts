/** What the tests of the Docker runtime share. */
import { systemClock } from "../../src/base/clock.ts";
import { silentLogger } from "../../src/base/logger.ts";
import { ChaincodeSpec_Type } from "../../src/gen/peer/chaincode_pb.ts";
import { connectEngine } from "../../src/runtime/docker/connect.ts";
import {
  DockerRuntime,
  type DockerRuntimeOptions,
} from "../../src/runtime/docker/docker-runtime.ts";
import type { ChaincodeToRun, StartRequest } from "../../src/runtime/types.ts";
import type { DockerForTests } from "./docker.ts";
import { written } from "./runtime.ts";

/** A peer of this test process. */
export function options(docker: DockerForTests): DockerRuntimeOptions {
  return {
    ...docker,
    peer: { networkId: "test", peerId: `peer${Deno.pid}` },
    logger: silentLogger,
    clock: systemClock,
  };
}

/** A runtime on the engine of the tests, closed afterwards. */
export async function withRuntime(
  docker: DockerForTests,
  run: (runtime: DockerRuntime) => Promise<void>,
  more: Partial<DockerRuntimeOptions> = {},
): Promise<void> {
  const runtime = new DockerRuntime({ ...options(docker), ...more });
  try {
    await run(runtime);
  } finally {
    await runtime.close();
  }
}

/** By default for chaincode that does not dial. */
export function request(chaincode: ChaincodeToRun, peerAddress = "127.0.0.1:1"): StartRequest {
  return { chaincode, peerAddress, tls: undefined, environment: {} };
}

/** A chaincode that needs no registry: one script, by default one that idles. */
export function script(name: string, code = "setInterval(() => {}, 1e6)"): ChaincodeToRun {
  return written(ChaincodeSpec_Type.NODE, name, {
    "src/package.json": `{"name":"${name}","version":"1.0.0","scripts":{"start":"node main.js"}}`,
    "src/main.js": code,
  });
}

/** Ids of the containers with this very name, whether they run or not; to Podman it has no slash. */
export async function containers(docker: DockerForTests, name: string): Promise<string[]> {
  const engine = await connectEngine(docker.vm);
  const filters = JSON.stringify({ name: [`^/?${name}$`] });
  return (await engine.docker.listContainers({ all: true, filters })).map(({ Id }) => Id);
}
