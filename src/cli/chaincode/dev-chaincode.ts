/** The chaincode that `dev` runs: built first, then exchanged for the one that runs. */
import { relative } from "node:path";
import { DenimError, messageOf } from "../../base/errors.ts";
import { equal } from "../../base/bytes.ts";
import { parsePackage } from "../../chaincode/package/chaincode-package.ts";
import type {
  ChaincodeRuntime,
  ChaincodeToRun,
  LaunchObserver,
  OutputLine,
  RunningChaincode,
} from "../../runtime/types.ts";
import { chaincodeToRun } from "../../runtime/chaincode-to-run.ts";
import type { DevPeer } from "./dev-peer.ts";

/** A started chaincode registers within this time, or people are told that it has not. */
const registrationTimeoutMs = 30_000;

export interface DevChaincodeOptions {
  readonly peers: readonly DevPeer[];
  readonly runtime: Pick<ChaincodeRuntime, "build" | "start" | "prune">;
  readonly name: string;
  readonly version: string;
  /** For the chaincode: log levels. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where a debugger attaches, by the number of the peer. */
  readonly inspect: ((peer: number) => string) | undefined;
  /** The sources as they are now. */
  pack(): Promise<{ readonly bytes: Uint8Array }>;
  print(line: string): void;
}

export class DevChaincode {
  #running: RunningChaincode[] = [];
  #code: Uint8Array | undefined;
  #reloads = 0;

  constructor(private readonly options: DevChaincodeOptions) {}

  /**
   * Builds the sources and starts them. What cannot be built is told, and what runs goes on; what
   * cannot be started is told, and nothing runs until the next change.
   * @param files what has changed, for people
   */
  async reload(files: readonly string[]): Promise<void> {
    const { name, print } = this.options;
    const began = performance.now();
    const why = this.#reloads === 0 ? "started" : `reload ${this.#reloads} (${shown(files)})`;
    let chaincode: ChaincodeToRun;
    try {
      chaincode = chaincodeToRun(parsePackage((await this.options.pack()).bytes));
      if (this.#code !== undefined && equal(this.#code, chaincode.codePackage)) return;
      await this.options.runtime.build(chaincode, this.#observer(""), new AbortController().signal);
    } catch (error) {
      const state = this.#running.length > 0 ? "runs on as it was" : "is down";
      print(`${why}: it cannot be built, ${name} ${state}\n${explained(error)}`);
      return;
    }
    this.#code = chaincode.codePackage;
    this.#reloads++;
    try {
      await this.#exchange(chaincode);
      print(`${why}: ${name} is ready after ${Math.round(performance.now() - began)} ms`);
    } catch (error) {
      print(`${why}: ${name} is down\n${explained(error)}`);
    }
    await this.options.runtime.prune?.([chaincode]);
  }

  /** Ends what runs, without a word about it. */
  async close(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((running) => running.stop()));
  }

  async #exchange(chaincode: ChaincodeToRun): Promise<void> {
    const { peers, runtime, inspect } = this.options;
    const old = this.#running;
    this.#running = [];
    await Promise.all(old.map((running) => running.stop()));
    await Promise.all(peers.map(async (peer, i) => {
      const registered = peer.nextRegistration();
      const prefix = peers.length > 1 ? `${peer.address} ` : "";
      const running = await runtime.start(
        {
          chaincode,
          peerAddress: peer.chaincodeAddress,
          tls: peer.tls,
          environment: this.options.environment,
          ...(inspect === undefined ? {} : { inspect: inspect(i) }),
        },
        this.#observer(prefix),
        new AbortController().signal,
      );
      try {
        await firstOf(registered, running);
      } catch (error) {
        await running.stop();
        throw error;
      }
      this.#running.push(running);
      void this.#tellOfEnd(running, prefix);
    }));
  }

  /** Not of an end that we brought about. */
  async #tellOfEnd(running: RunningChaincode, prefix: string): Promise<void> {
    const { meaning } = await running.exited;
    if (!this.#running.includes(running)) return;
    this.#running = this.#running.filter((other) => other !== running);
    this.options.print(`${prefix}${this.options.name} has ended: ${meaning}; a change starts it`);
  }

  #observer(prefix: string): LaunchObserver {
    return {
      step() {},
      output: ({ stream, text }: OutputLine) => {
        if (stream !== "build") this.options.print(`${prefix}│ ${text}`);
      },
    };
  }
}

/** @throws DenimError where it ends, or does not register, instead */
async function firstOf(registered: Promise<void>, running: RunningChaincode): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new DenimError(
            "not-registered",
            `it has not registered within ${registrationTimeoutMs} ms`,
          ),
        ),
      registrationTimeoutMs,
    );
  });
  const ended = running.exited.then(({ meaning }) => {
    throw new DenimError("chaincode-exited", `it ended before it was ready: ${meaning}`);
  });
  ended.catch(() => {});
  try {
    await Promise.race([registered, ended, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** Message and next step, indented. */
function explained(error: unknown): string {
  const hint = error instanceof DenimError && error.hint !== undefined ? `\n${error.hint}` : "";
  return `${messageOf(error)}${hint}`.replace(/^/gm, "    ");
}

/** So many files are named. */
const maxShownFiles = 3;

function shown(files: readonly string[]): string {
  const names = files.slice(0, maxShownFiles).map((file) => relative(".", file)).join(", ");
  return files.length > maxShownFiles ? `${names}, …` : names;
}
