/** What builds and chaincode wrote during one launch: the last lines, kept after the end. */
import type { OutputLine } from "../runtime/types.ts";

/** Lines kept of one launch; of a chaincode that writes on and on, the last ones. */
export const maxKeptLinesPerLaunch = 5_000;
/** Characters kept of one launch. */
export const maxKeptCharactersPerLaunch = 512 * 1024;
/** Characters kept of all launches of a peer; launches that have ended give theirs up first. */
export const maxKeptCharacters = 32 * 1024 * 1024;

/** A bounded log. Lines are numbered from 0, kept or not. */
export class LaunchOutput {
  readonly #lines: OutputLine[] = [];
  #characters = 0;
  #dropped = 0;

  /** Characters held. */
  get characters(): number {
    return this.#characters;
  }

  /** Lines that came before the first one held. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @returns by how many characters more (or less) are held now */
  add(line: OutputLine): number {
    const before = this.#characters;
    this.#lines.push(line);
    this.#characters += line.text.length;
    let excess = 0;
    while (
      this.#lines.length - excess > maxKeptLinesPerLaunch ||
      this.#characters > maxKeptCharactersPerLaunch
    ) this.#characters -= this.#lines[excess++].text.length;
    if (excess > 0) this.#drop(excess);
    return this.#characters - before;
  }

  /** The lines held from this number on; `first` is the number of the first of them. */
  from(number: number): { readonly first: number; readonly lines: readonly OutputLine[] } {
    const first = Math.max(number, this.#dropped);
    return { first, lines: this.#lines.slice(first - this.#dropped) };
  }

  /** The lines held, oldest first. */
  lines(): readonly OutputLine[] {
    return [...this.#lines];
  }

  /** Gives everything up. @returns the characters that were held */
  clear(): number {
    const freed = this.#characters;
    this.#characters = 0;
    this.#drop(this.#lines.length);
    return freed;
  }

  #drop(count: number): void {
    this.#lines.splice(0, count);
    this.#dropped += count;
  }
}
