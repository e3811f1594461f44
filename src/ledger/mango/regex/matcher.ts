/** Runs a pattern's program over bytes by backtracking, with a bound on the work. */
import { word } from "./byte-set.ts";
import type { Instruction, Program } from "./program.ts";
import type { Assertion } from "./syntax.ts";

/** Steps after which a value counts as not matching. */
export const maxStepsPerValue = 1_000_000;

class TooCostly extends Error {}

const lineFeed = 0x0a;

/** What to go back to: another way from a place, or a register's former value. */
type Choice =
  | { readonly pc: number; readonly at: number }
  /** Ways from several places: `at`, then on by `step` to `last`. */
  | { readonly pc: number; at: number; readonly last: number; readonly step: number }
  | { readonly register: number; readonly value: number };

export class Matcher {
  readonly #registers: Int32Array;
  readonly #choices: Choice[] = [];
  readonly #budget: number;
  #steps: number;

  constructor(readonly bytes: Uint8Array, readonly program: Program, steps: number) {
    this.#registers = new Int32Array(program.registers).fill(-1);
    this.#steps = steps;
    this.#budget = steps;
  }

  get stepsTaken(): number {
    return this.#budget - this.#steps;
  }

  search(): boolean {
    try {
      for (let from = 0; from <= this.bytes.length; from++) {
        if (this.#run(0, from) !== undefined) return true;
      }
      return false;
    } catch (thrown) {
      if (thrown instanceof TooCostly) return false;
      throw thrown;
    }
  }

  /** Where the program from `pc` ends, or undefined. Its choices stay for the caller to drop. */
  #run(pc: number, at: number, end?: number): number | undefined {
    const base = this.#choices.length;
    let state: { pc: number; at: number } | undefined = { pc, at };
    while (state !== undefined) {
      if (--this.#steps < 0) throw new TooCostly();
      const instruction: Instruction = this.program.code[state.pc];
      if (instruction.kind === "accept" && (end === undefined || state.at === end)) return state.at;
      if (!this.#step(instruction, state)) state = this.#back(base);
    }
    return undefined;
  }

  /** Goes back to the newest choice above `base`. */
  #back(base: number): { pc: number; at: number } | undefined {
    while (this.#choices.length > base) {
      const choice = this.#choices[this.#choices.length - 1];
      if ("register" in choice) this.#registers[choice.register] = choice.value;
      else if ("step" in choice && choice.at !== choice.last) {
        const { pc, at } = choice;
        choice.at += choice.step;
        return { pc, at };
      } else {
        this.#choices.pop();
        return { pc: choice.pc, at: choice.at };
      }
      this.#choices.pop();
    }
    return undefined;
  }

  #set(register: number, value: number): void {
    this.#choices.push({ register, value: this.#registers[register] });
    this.#registers[register] = value;
  }

  /** Moves the state on by one instruction; false where it does not match. */
  #step(instruction: Instruction, state: { pc: number; at: number }): boolean {
    const { at } = state;
    state.pc++;
    switch (instruction.kind) {
      case "set":
        state.at++;
        return at < this.bytes.length && instruction.set[this.bytes[at]] === 1;
      case "jump":
        state.pc = instruction.to;
        return true;
      case "fork":
        this.#choices.push({ pc: instruction.other, at });
        return true;
      case "save":
        this.#set(instruction.register, at);
        return true;
      case "clear":
        this.#set(instruction.register, 0);
        return true;
      case "run":
        return this.#runOfBytes(instruction, state);
      case "loop":
        this.#loop(instruction, state);
        return true;
      case "iterate":
        this.#set(instruction.register, this.#registers[instruction.register] + 1);
        this.#set(instruction.register + 1, at);
        return true;
      case "progress": {
        // An iteration that took nothing would go on for ever.
        const { register, least } = instruction;
        return at !== this.#registers[register + 1] || this.#registers[register] <= least;
      }
      case "assert":
        return this.#holds(instruction.what, at);
      case "reference":
        return this.#reference(instruction.group, instruction.ignoreCase, state);
      case "atomic": {
        const end = this.#nested(state.pc, at);
        state.pc = instruction.after;
        state.at = end ?? at;
        return end !== undefined;
      }
      case "look": {
        const found = instruction.ahead
          ? this.#nested(state.pc, at) !== undefined
          : instruction.widths.some((width) =>
            at >= width && this.#nested(state.pc, at - width, at) !== undefined
          );
        state.pc = instruction.after;
        return found !== instruction.negative;
      }
      case "accept":
        return false;
    }
  }

  /** The first way in which a part matches: its other ways are dropped, what it saved is not. */
  #nested(pc: number, at: number, mustEnd?: number): number | undefined {
    const base = this.#choices.length;
    const end = this.#run(pc, at, mustEnd);
    const saved = this.#choices.splice(base).filter((choice) => "register" in choice);
    for (const choice of saved) this.#choices.push(choice);
    return end;
  }

  #runOfBytes(
    { set, repeat }: Extract<Instruction, { kind: "run" }>,
    state: { pc: number; at: number },
  ): boolean {
    const { bytes } = this;
    const { at, pc } = state;
    const limit = Math.min(bytes.length, at + repeat.most);
    let longest = at;
    while (longest < limit && set[bytes[longest]] === 1) longest++;
    this.#steps -= (longest - at) >> 3;
    const shortest = at + repeat.least;
    if (longest < shortest) return false;
    const greedy = repeat.mode === "greedy";
    state.at = greedy ? longest : shortest;
    if (longest > shortest) {
      const step = greedy ? -1 : 1;
      const last = greedy ? shortest : longest;
      this.#choices.push({ pc, at: state.at + step, last, step });
    }
    return true;
  }

  /** Goes into the loop's body or past it, and leaves the other way as a choice. */
  #loop(
    { repeat, register, exit }: Extract<Instruction, { kind: "loop" }>,
    state: { pc: number; at: number },
  ): void {
    const count = this.#registers[register];
    if (count < repeat.least) return;
    const body = state.pc;
    const lazy = repeat.mode === "lazy";
    if (lazy || count >= repeat.most) state.pc = exit;
    if (count < repeat.most) this.#choices.push({ pc: lazy ? body : exit, at: state.at });
  }

  #holds(what: Assertion, at: number): boolean {
    const { bytes } = this;
    const last = bytes.length;
    switch (what) {
      case "start":
        return at === 0;
      case "lineStart":
        return at === 0 || bytes[at - 1] === lineFeed && at < last;
      case "end":
        return at === last;
      case "endOrNewline":
        return at === last || at === last - 1 && bytes[at] === lineFeed;
      case "lineEnd":
        return at === last || bytes[at] === lineFeed;
      case "word":
        return this.#isWord(at - 1) !== this.#isWord(at);
      case "notWord":
        return this.#isWord(at - 1) === this.#isWord(at);
    }
  }

  #isWord(at: number): boolean {
    return at >= 0 && at < this.bytes.length && word[this.bytes[at]] === 1;
  }

  #reference(group: number, ignoreCase: boolean, state: { at: number }): boolean {
    const [start, end] = [this.#registers[2 * group], this.#registers[2 * group + 1]];
    const { at } = state;
    if (start < 0 || end < start || at + end - start > this.bytes.length) return false;
    for (let i = 0; i < end - start; i++) {
      const [a, b] = [this.bytes[start + i], this.bytes[at + i]];
      const letter = (a | 0x20) >= 0x61 && (a | 0x20) <= 0x7a;
      if (a !== b && !(ignoreCase && letter && (a ^ b) === 0x20)) return false;
    }
    state.at = at + end - start;
    return true;
  }
}
