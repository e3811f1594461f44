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
import { untilAborted } from "../../chaincode/waiting.ts";
import type { DevPeer } from "./dev-peer.ts";

/** A started chaincode registers within this time, or people are told that it has not. */
const registrationTimeoutMs = 30_000;

/** The peers that the chaincode runs for, until `signal` aborts. */
export interface DevSession {
  readonly peers: readonly DevPeer[];
  readonly version: string;
  readonly signal: AbortSignal;
}

export interface DevChaincodeOptions {
  readonly runtime: Pick<ChaincodeRuntime, "build" | "start" | "prune">;
  readonly name: string;
  /** The directory that is edited: places in a build are shown as places in it. */
  readonly sources: string;
  /** For the chaincode: log levels. */
  readonly environment: Readonly<Record<string, string>>;
  /** Where a debugger attaches, by the number of the peer. */
  readonly inspect: ((peer: number) => string) | undefined;
  /** The sources as they are now. */
  pack(version: string): Promise<{ readonly bytes: Uint8Array }>;
  print(line: string): void;
}

export class DevChaincode {
  #running: RunningChaincode[] = [];
  #code: Uint8Array | undefined;
  #reloads = 0;

  constructor(private readonly options: DevChaincodeOptions) {}

  /** Starts the sources as they are for these peers. Told as `reload`. */
  async start(session: DevSession): Promise<void> {
    this.#code = undefined;
    await this.#bringUp(session, this.#reloads === 0 ? "started" : "started again");
  }

  /**
   * Builds the sources and starts them. What cannot be built is told, and what runs goes on; what
   * cannot be started is told, and nothing runs until the next change.
   * @param files what has changed, for people
   */
  async reload(session: DevSession, files: readonly string[]): Promise<void> {
    await this.#bringUp(session, `reload ${this.#reloads} (${shown(files)})`);
  }

  async #bringUp(session: DevSession, why: string): Promise<void> {
    const { name, print } = this.options;
    const { signal } = session;
    const began = performance.now();
    let chaincode: ChaincodeToRun;
    try {
      const { bytes } = await this.options.pack(session.version);
      chaincode = chaincodeToRun(parsePackage(bytes));
      if (this.#code !== undefined && equal(this.#code, chaincode.codePackage)) return;
      await this.options.runtime.build(chaincode, this.#observer(""), signal);
    } catch (error) {
      if (signal.aborted) return;
      const state = this.#running.length > 0 ? "runs on as it was" : "is down";
      print(`${why}: it cannot be built, ${name} ${state}\n${this.#explained(error)}`);
      return;
    }
    this.#code = chaincode.codePackage;
    this.#reloads++;
    try {
      await this.#exchange(session, chaincode);
      print(`${why}: ${name} is ready after ${Math.round(performance.now() - began)} ms`);
    } catch (error) {
      if (signal.aborted) return;
      print(`${why}: ${name} is down\n${this.#explained(error)}`);
    }
    await this.options.runtime.prune?.([chaincode]);
  }

  /** Ends what runs, without a word about it. */
  async close(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((running) => running.stop()));
  }

  async #exchange({ peers, signal }: DevSession, chaincode: ChaincodeToRun): Promise<void> {
    const { runtime, inspect } = this.options;
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
        signal,
      );
      try {
        await firstOf(registered, running, signal);
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
        if (stream !== "build") this.options.print(`${prefix}│ ${this.#inSources(text)}`);
      },
    };
  }

  /** Message and next step, indented. */
  #explained(error: unknown): string {
    const hint = error instanceof DenimError && error.hint !== undefined ? `\n${error.hint}` : "";
    return this.#inSources(`${messageOf(error)}${hint}`).replace(/^/gm, "    ");
  }

  #inSources(text: string): string {
    return text.replace(builtSources, () => `${this.options.sources}/`);
  }
}

/** @throws DenimError where it ends, or does not register, instead; the signal's reason */
async function firstOf(
  registered: Promise<void>,
  running: RunningChaincode,
  signal: AbortSignal,
): Promise<void> {
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
    await untilAborted(Promise.race([registered, ended, tooLate]), signal);
  } finally {
    clearTimeout(timer);
  }
}

/** Where JavaScript lies while it runs, and Java while it is built. */
const builtSources = /(?:file:\/\/)?\/[^\s()'"]*\/builds\/[0-9a-f]{64}(?:\.\w+)?\/src\//g;

/** So many files are named. */
const maxShownFiles = 3;

function shown(files: readonly string[]): string {
  const names = files.slice(0, maxShownFiles).map((file) => relative(".", file)).join(", ");
  return files.length > maxShownFiles ? `${names}, …` : names;
}
