/** denim as users run it: a process with arguments, an own directory and no settings of ours. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const repository = fileURLToPath(new URL("../..", import.meta.url));
export const assetExample = join(repository, "examples", "asset-js");

/** The command that installs the example chaincode as `asset`. */
export function installAsset(version: string): string[] {
  const asset = ["-l", "node", "-n", "asset", "-v", version, "-p", assetExample];
  return ["chaincode", "install", ...asset];
}

/** How one run of the program ended. */
export interface Finished {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const cache = Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? "/root", ".cache");

/** The longest any one command of a test may take. */
const commandTimeoutMs = 180_000;

/** An empty directory with a home of its own, in which commands run; removed at the end. */
export class Workplace implements AsyncDisposable {
  readonly directory: string;
  readonly #command: readonly string[];
  /** What commands of this place find in their environment. */
  readonly environment: Readonly<Record<string, string>>;

  /** @param command the program; default this repository's sources */
  constructor(
    options: { command?: readonly string[]; environment?: Readonly<Record<string, string>> } = {},
  ) {
    this.directory = realpathSync(mkdtempSync(join(tmpdir(), "denim-test-")));
    this.#command = options.command ??
      [Deno.execPath(), "run", "-A", "--no-check", join(repository, "main.ts")];
    const home = join(this.directory, "home");
    mkdirSync(home);
    this.environment = {
      PATH: Deno.env.get("PATH") ?? "",
      // Caches of the machine, so that tests do not download everything anew.
      DENO_DIR: join(cache, "deno"),
      npm_config_cache: join(Deno.env.get("HOME") ?? "/root", ".npm"),
      ...passed("DENO_DIR", "npm_config_cache", "GOMODCACHE", "GOFLAGS", "GOPROXY"),
      ...certificates(),
      HOME: home,
      ...options.environment,
    };
  }

  /** Runs one command to its end; `detached` makes it the leader of a process group of its own. */
  async run(
    args: readonly string[],
    options: {
      environment?: Record<string, string>;
      directory?: string;
      timeoutMs?: number;
      detached?: boolean;
    } = {},
  ): Promise<Finished> {
    const [program, ...first] = this.#command;
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args: [...first, ...args],
      cwd: options.directory ?? this.directory,
      env: { ...this.environment, ...options.environment },
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      detached: options.detached ?? false,
      signal: AbortSignal.timeout(options.timeoutMs ?? commandTimeoutMs),
    }).spawn().output(); // output() alone would not detach
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
  }

  /** Runs a command that must succeed; gives what it printed on stdout. */
  async ok(
    args: readonly string[],
    options: { environment?: Record<string, string>; directory?: string } = {},
  ): Promise<string> {
    const { code, out, err } = await this.run(args, options);
    if (code !== 0) throw new Error(`denim ${args.join(" ")} ended with ${code}:\n${err}${out}`);
    return out;
  }

  /** Starts a command that goes on until it is told to stop. The caller ends it. */
  spawn(
    args: readonly string[],
    environment: Record<string, string> = {},
    stdout: "null" | "piped" = "null",
  ): Deno.ChildProcess {
    const [program, ...first] = this.#command;
    return new Deno.Command(program, {
      args: [...first, ...args],
      cwd: this.directory,
      env: { ...this.environment, ...environment },
      clearEnv: true,
      stdin: "null",
      stdout,
      stderr: "null",
    }).spawn();
  }

  /** Starts a development network on free ports and leaves it running. */
  async up(...args: string[]): Promise<string> {
    return await this.ok(["up", "--detach", "--port", "0", ...args]);
  }

  /** The file that tells where the running network is. */
  network(): {
    pid: number;
    organizations: { mspId: string; peerAddress: string }[];
    ordererAddress: string;
    ordererTlsRootCertFile: string;
  } {
    return JSON.parse(Deno.readTextFileSync(join(this.directory, ".denim", "network.json")));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run(["down"]);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function passed(...names: string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}

/** Registries may only be reachable through certificates that the machine names. */
function certificates(): Record<string, string> {
  return passed("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR", "DENO_CERT");
}
