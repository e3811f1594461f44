/**
 * A Docker engine for tests: the one that answers already, else (root on Debian or Ubuntu) one of our
 * own on a private socket and data root, installed with apt where it is missing.
 *
 *     deno run -A scripts/docker-engine.ts        # prints the endpoint, stops the engine on Ctrl-C
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { aptInstall, hasApt } from "./apt.ts";

/** An engine of our own answers within this time. */
const startTimeoutMs = 60_000;
/** An engine that runs answers a ping within this time. */
const pingTimeoutMs = 3_000;
/** After SIGTERM, dockerd has so long. */
const stopTimeoutMs = 20_000;

const defaultSocket = "/var/run/docker.sock";

export interface DockerEngine {
  /** As DOCKER_HOST and vm.endpoint have it, `unix:///…` or `tcp://…`. */
  readonly endpoint: string;
  /** Where it comes from, for people. */
  readonly origin: string;
  /** Stops it if we started it. */
  stop(): Promise<void>;
}

export type EngineResult =
  | { readonly ok: true; readonly engine: DockerEngine }
  | { readonly ok: false; readonly reason: string };

/** Does an engine answer at this endpoint? */
export function ping(endpoint: string): Promise<boolean> {
  return new Promise((resolve) => {
    const url = endpoint.replace(/^tcp:/, "http:");
    const options = endpoint.startsWith("unix://")
      ? { socketPath: endpoint.slice("unix://".length), path: "/_ping" }
      : { ...urlParts(url), path: "/_ping" };
    const request = (url.startsWith("https:") ? https : http).get(
      { ...options, timeout: pingTimeoutMs },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
  });
}

function urlParts(url: string): { host: string; port: string } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port };
}

/**
 * Finds or starts an engine.
 * @param log told what takes time
 */
export async function ensureEngine(log: (message: string) => void): Promise<EngineResult> {
  const given = Deno.env.get("DOCKER_HOST");
  const endpoint = given ?? `unix://${defaultSocket}`;
  if (await ping(endpoint)) {
    const origin = given === undefined ? "the machine's engine" : "DOCKER_HOST";
    return { ok: true, engine: { endpoint, origin, stop: () => Promise.resolve() } };
  }
  const tried = `no Docker engine answers at ${endpoint}`;
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) {
    return { ok: false, reason: `${tried}, and only root on Linux can start one` };
  }
  if (dockerd() === undefined) {
    if (!hasApt()) {
      return { ok: false, reason: `${tried}, dockerd is not installed and apt is not here` };
    }
    log("installing docker.io with apt");
    const failure = await install();
    if (failure !== undefined) return { ok: false, reason: `${tried}; ${failure}` };
  }
  const program = dockerd();
  if (program === undefined) return { ok: false, reason: `${tried}, and apt brought no dockerd` };
  log("starting a private Docker engine");
  return await start(program, tried);
}

function dockerd(): string | undefined {
  return ["/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd"].find(existsSync);
}

async function install(): Promise<string | undefined> {
  // Packages must not start the machine's own engine; ours is private and is stopped afterwards.
  const policy = "/usr/sbin/policy-rc.d";
  const writePolicy = !existsSync(policy);
  if (writePolicy) Deno.writeTextFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    return await aptInstall("docker.io", "iptables");
  } finally {
    if (writePolicy) rmSync(policy, { force: true });
  }
}

async function start(program: string, tried: string): Promise<EngineResult> {
  const engine = new PrivateEngine(program);
  const words = await engine.start();
  if (words === undefined) return { ok: true, engine };
  await engine.stop();
  return { ok: false, reason: `${tried}, and dockerd could not be started: ${words}` };
}

/** Whether this user of this machine may start a dockerd. */
export function canStartEngine(): boolean {
  return Deno.build.os === "linux" && Deno.uid() === 0 && dockerd() !== undefined;
}

/** An engine of one's own, which may be killed, for tests of that; undefined where none can be started. */
export function privateEngine(...options: string[]): PrivateEngine | undefined {
  const program = dockerd();
  return canStartEngine() && program !== undefined
    ? new PrivateEngine(program, options)
    : undefined;
}

/** A dockerd on a socket and a data root of its own. */
export class PrivateEngine implements DockerEngine {
  readonly endpoint: string;
  readonly origin = "started for these tests";
  /** Images, containers and volumes; a file system may be mounted there before the start. */
  readonly dataRoot: string;
  readonly #directory = mkdtempSync(join(tmpdir(), "denim-docker-"));
  #child: Deno.ChildProcess | undefined;
  #stopping: Promise<void> | undefined;

  constructor(private readonly program: string, private readonly options: readonly string[] = []) {
    this.endpoint = `unix://${join(this.#directory, "docker.sock")}`;
    this.dataRoot = join(this.#directory, "data");
    mkdirSync(this.dataRoot);
  }

  /** Starts it, again after `kill`. @returns undefined, or why it did not start */
  async start(): Promise<string | undefined> {
    const logFile = join(this.#directory, "dockerd.log");
    const child = new Deno.Command("/bin/sh", {
      args: [
        "-c",
        'exec "$0" "$@" >"$DENIM_LOG" 2>&1 </dev/null',
        this.program,
        `--host=${this.endpoint}`,
        `--data-root=${this.dataRoot}`,
        `--exec-root=${join(this.#directory, "exec")}`,
        `--pidfile=${join(this.#directory, "docker.pid")}`,
        "--shutdown-timeout=2",
        ...this.options,
      ],
      env: { DENIM_LOG: logFile },
      stdin: "null",
      stdout: "null",
      stderr: "null",
      // Ctrl-C goes to the whole group; the engine must outlive the tests it serves.
      detached: true,
    }).spawn();
    this.#child = child;
    let ended = false;
    void child.status.then(() => ended = true);
    for (const deadline = Date.now() + startTimeoutMs; !ended && Date.now() < deadline;) {
      if (await ping(this.endpoint)) return undefined;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return existsSync(logFile)
      ? readFileSync(logFile, "utf8").trim().split("\n").slice(-3).join(" | ")
      : "it wrote no log";
  }

  /** Ends the engine and its containers; what it has stays. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    try {
      child.kill("SIGTERM");
    } catch {
      // It has ended already.
    }
    const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
    await child.status;
    clearTimeout(timer);
  }

  stop(): Promise<void> {
    return this.#stopping ??= this.kill().then(() => remove(this.#directory));
  }
}

/** Removes the engine's directory; overlay mounts that it left are unmounted first. */
async function remove(directory: string): Promise<void> {
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((path) => path.startsWith(`${directory}/`))
    .reverse();
  for (const path of mounts) {
    await new Deno.Command("umount", { args: ["-l", path], stderr: "null" }).output();
  }
  try {
    rmSync(directory, { recursive: true, force: true });
  } catch {
    // A temporary directory that stays is no failure of the tests.
  }
}

if (import.meta.main) {
  const result = await ensureEngine((message) => console.error(message));
  if (!result.ok) {
    console.error(result.reason);
    Deno.exit(1);
  }
  console.log(result.engine.endpoint);
  const stop = async () => {
    await result.engine.stop();
    Deno.exit(0);
  };
  Deno.addSignalListener("SIGINT", stop);
  Deno.addSignalListener("SIGTERM", stop);
  await new Promise(() => setInterval(() => {}, 1 << 30));
}
