/** A build's output for everyone who waits for it, whoever began it and whenever they came. */
import type { LaunchObserver, OutputLine } from "./types.ts";

/** Lines that somebody who joins a running build is told first. */
export const maxReplayedLines = 1_000;

interface Build {
  readonly lines: OutputLine[];
  readonly listeners: Set<LaunchObserver>;
}

export class BuildAudience {
  readonly #builds = new Map<string, Build>();

  /** Listens to the build of `key`, what it has written so far first. @returns the way to leave */
  join(key: string, listener: LaunchObserver): () => void {
    const build = this.#build(key);
    for (const line of build.lines) listener.output(line);
    build.listeners.add(listener);
    return () => void build.listeners.delete(listener);
  }

  tell(key: string, line: OutputLine): void {
    const build = this.#build(key);
    build.lines.push(line);
    if (build.lines.length > maxReplayedLines) build.lines.shift();
    for (const listener of build.listeners) listener.output(line);
  }

  /** The build is over; who comes now listens to the next one. */
  end(key: string): void {
    this.#builds.delete(key);
  }

  #build(key: string): Build {
    const known = this.#builds.get(key);
    if (known !== undefined) return known;
    const build: Build = { lines: [], listeners: new Set() };
    this.#builds.set(key, build);
    return build;
  }
}
