/** Changes of a source directory, those that belong together at once. */
import { existsSync } from "node:fs";
import { join, relative } from "node:path";

/** Editors write a file in several steps; changes closer together than this are one. */
export const quietMs = 40;

/** What makes no difference to the chaincode, and what editors leave while they write. */
const ignored =
  /(^|\/)(node_modules|\.git|\.denim|\.idea|\.vscode|4913)(\/|$)|(~|\.sw[a-z]|\.tmp)$/;

/** Watches from the moment it is made until it is closed. */
export class SourceWatcher {
  readonly #watcher: Deno.FsWatcher;
  readonly #watching: Promise<void>;
  readonly #changed = new Set<string>();
  #events = 0;
  #closed = false;
  #wake = () => {};

  constructor(private readonly directory: string) {
    this.#watcher = Deno.watchFs(directory, { recursive: true });
    this.#watching = this.#watch(directory);
  }

  /**
   * The paths (relative to the directory) that have changed since the last call, waiting for some.
   * Undefined when the watcher is closed.
   */
  async next(): Promise<string[] | undefined> {
    if (this.#changed.size === 0 && !this.#closed) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    for (let before = -1; !this.#closed && before !== this.#events;) {
      before = this.#events;
      await new Promise((resolve) => setTimeout(resolve, quietMs));
    }
    if (this.#closed) return undefined;
    const changed = [...this.#changed].sort();
    this.#changed.clear();
    // Editors leave traces of files that lived for a moment only.
    const present = changed.filter((path) => existsSync(join(this.directory, path)));
    return present.length > 0 ? present : changed;
  }

  /** Ends it; a waiting `next` gives undefined. Safe to call twice. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#watcher.close();
      this.#wake();
    }
    await this.#watching;
  }

  async #watch(directory: string): Promise<void> {
    for await (const { kind, paths } of this.#watcher) {
      if (kind === "access") continue;
      const relevant = paths.map((path) => relative(directory, path))
        .filter((path) => !ignored.test(path));
      for (const path of relevant) this.#changed.add(path);
      if (relevant.length === 0) continue;
      this.#events++;
      this.#wake();
    }
  }
}
