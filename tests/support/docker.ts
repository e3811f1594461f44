/**
 * Tests that need a Docker engine. `scripts/run-tests.ts` finds or starts one and says in the environment
 * where it is and which base images it has; without it these tests are skipped, visibly, unless
 * skipping is forbidden.
 */
import { existsSync } from "node:fs";
import type { VmSettings } from "../../src/config/types.ts";
import { canStartEngine } from "../../scripts/docker-engine.ts";
import type { PlatformSettings } from "../../src/runtime/platforms/types.ts";

/** Set by the test runner. */
export const dockerVariables = {
  /** Endpoint of the engine, `unix:///…`. */
  host: "DENIM_TEST_DOCKER_HOST",
  /** JSON of `BaseImages` in scripts/base-images.ts. */
  images: "DENIM_TEST_DOCKER_IMAGES",
  /** `1`: a test that would be skipped fails. */
  forbidSkips: "DENIM_TEST_FORBID_SKIPS",
} as const;

/** What a test needs besides the engine. */
type DockerNeed = "node" | "golang" | "java" | "own engine" | "small disk";

export interface DockerForTests {
  readonly vm: VmSettings;
  readonly platforms: PlatformSettings;
}

/** What is on the engine. */
interface Images {
  readonly builder: string;
  readonly nodeRuntime?: string;
  readonly golangRuntime?: string;
  readonly javaRuntime?: string;
}

/** Settings for the engine of these tests, or why there is none. */
export function dockerForTests(needs: readonly DockerNeed[]): DockerForTests | string {
  const endpoint = Deno.env.get(dockerVariables.host);
  const json = Deno.env.get(dockerVariables.images);
  if (endpoint === undefined || json === undefined) {
    return "no Docker engine; run them with `deno task test`";
  }
  const images: Images = JSON.parse(json);
  if (needs.includes("node") && images.nodeRuntime === undefined) return "no node on this machine";
  if (needs.includes("golang") && images.golangRuntime === undefined) {
    return "no go on this machine";
  }
  if (needs.includes("java") && images.javaRuntime === undefined) {
    return "no JDK and Maven on this machine";
  }
  if (needs.includes("own engine") && !canStartEngine()) {
    return "an engine of our own takes Linux, root and dockerd";
  }
  if (needs.includes("small disk") && !canMountSmallDisk()) {
    return "a small disk takes loop devices and mkfs.ext4";
  }
  return {
    vm: vmSettings(endpoint),
    platforms: {
      builder: images.builder,
      pull: false,
      golang: { runtime: images.golangRuntime ?? "none", dynamicLink: true },
      car: { runtime: "none" },
      java: { runtime: images.javaRuntime ?? "none" },
      node: { runtime: images.nodeRuntime ?? "none" },
    },
  };
}

function canMountSmallDisk(): boolean {
  const places = ["/sbin/mkfs.ext4", "/usr/sbin/mkfs.ext4"];
  return existsSync("/dev/loop-control") && places.some((path) => existsSync(path));
}

/** core.yaml's `vm` section, as 1.4.2 has it, for an endpoint. */
export function vmSettings(endpoint: string): VmSettings {
  return {
    endpoint,
    docker: {
      tls: { enabled: false, caFile: "", certFile: "", keyFile: "" },
      attachStdout: false,
      hostConfig: {
        capAdd: [],
        capDrop: [],
        dns: [],
        dnsSearch: [],
        extraHosts: [],
        networkMode: "host",
        ipcMode: "",
        pidMode: "",
        utsMode: "",
        logConfig: { type: "json-file", config: { "max-size": "50m", "max-file": "5" } },
        readonlyRootfs: false,
        securityOpt: [],
        cgroupParent: "",
        memory: 2147483648,
        memorySwap: 0,
        memorySwappiness: 0,
        oomKillDisable: false,
        cpuShares: 0,
        cpuset: "",
        cpusetCpus: "",
        cpusetMems: "",
        cpuQuota: 0,
        cpuPeriod: 0,
        blkioWeight: 0,
      },
    },
  };
}

/** The same engine, whose containers have no network, builders included. */
export function withoutNetwork(docker: DockerForTests): DockerForTests {
  const hostConfig = { ...docker.vm.docker.hostConfig, networkMode: "none" };
  return { ...docker, vm: { ...docker.vm, docker: { ...docker.vm.docker, hostConfig } } };
}

/** A test that runs against a real engine. */
export function dockerTest(
  name: string,
  run: (docker: DockerForTests) => Promise<void>,
  needs: readonly DockerNeed[] = ["node"],
): void {
  const docker = dockerForTests(needs);
  if (typeof docker !== "string") {
    Deno.test(name, () => run(docker));
  } else if (Deno.env.get(dockerVariables.forbidSkips) === "1") {
    Deno.test(name, () => {
      throw new Error(`skipping is forbidden: ${docker}`);
    });
  } else {
    Deno.test({ name: `${name} (skipped: ${docker})`, ignore: true, fn() {} });
  }
}
