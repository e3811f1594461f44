/** Patterns as instructions for the backtracking machine. */
import type { Assertion, ByteSet, Node, Repeat } from "./syntax.ts";

/**
 * Registers: 2n and 2n+1 hold where group n begins and ends; each loop has two more, for its count
 * and for where its iteration began.
 */
export type Instruction =
  | { readonly kind: "set"; readonly set: ByteSet }
  | { readonly kind: "jump"; to: number }
  /** Goes on here, and at `other` when that fails. */
  | { readonly kind: "fork"; other: number }
  | { readonly kind: "save"; readonly register: number }
  | { readonly kind: "clear"; readonly register: number }
  | { readonly kind: "run"; readonly set: ByteSet; readonly repeat: Repeat }
  | { readonly kind: "loop"; readonly repeat: Repeat; readonly register: number; exit: number }
  /** Begins an iteration of the loop with this register. */
  | { readonly kind: "iterate"; readonly register: number }
  | { readonly kind: "progress"; readonly register: number; readonly least: number }
  | { readonly kind: "assert"; readonly what: Assertion }
  | { readonly kind: "reference"; readonly group: number; readonly ignoreCase: boolean }
  | { readonly kind: "atomic"; after: number }
  | {
    readonly kind: "look";
    readonly ahead: boolean;
    readonly negative: boolean;
    readonly widths: readonly number[];
    after: number;
  }
  | { readonly kind: "accept" };

export interface Program {
  readonly code: readonly Instruction[];
  readonly registers: number;
}

class Compiler {
  readonly code: Instruction[] = [];
  #registers: number;

  constructor(groups: number) {
    this.#registers = 2 * (groups + 1);
  }

  program(root: Node): Program {
    this.#emit(root);
    this.code.push({ kind: "accept" });
    return { code: this.code, registers: this.#registers };
  }

  #emit(node: Node): void {
    switch (node.kind) {
      case "empty":
        return;
      case "set":
      case "assert":
      case "reference":
        this.code.push(node);
        return;
      case "sequence":
        node.parts.forEach((part) => this.#emit(part));
        return;
      case "choice":
        this.#choice(node.options);
        return;
      case "group":
        this.code.push({ kind: "save", register: 2 * node.number });
        this.#emit(node.body);
        this.code.push({ kind: "save", register: 2 * node.number + 1 });
        return;
      case "atomic":
        this.#nested({ kind: "atomic", after: 0 }, node.body);
        return;
      case "look": {
        const { ahead, negative, widths } = node;
        this.#nested({ kind: "look", ahead, negative, widths, after: 0 }, node.body);
        return;
      }
      case "repeat":
        this.#repeat(node);
    }
  }

  /** A part with an end of its own, behind the instruction that runs it. */
  #nested(head: Extract<Instruction, { after: number }>, body: Node): void {
    this.code.push(head);
    this.#emit(body);
    this.code.push({ kind: "accept" });
    head.after = this.code.length;
  }

  #choice(options: readonly Node[]): void {
    const jumps: Extract<Instruction, { kind: "jump" }>[] = [];
    options.forEach((option, i) => {
      if (i === options.length - 1) return this.#emit(option);
      const fork = { kind: "fork" as const, other: 0 };
      const jump = { kind: "jump" as const, to: 0 };
      this.code.push(fork);
      this.#emit(option);
      this.code.push(jump);
      jumps.push(jump);
      fork.other = this.code.length;
    });
    for (const jump of jumps) jump.to = this.code.length;
  }

  #repeat(repeat: Repeat): void {
    if (repeat.mode === "possessive") {
      const body = { ...repeat, mode: "greedy" as const };
      return this.#nested({ kind: "atomic", after: 0 }, body);
    }
    if (repeat.body.kind === "set") {
      this.code.push({ kind: "run", set: repeat.body.set, repeat });
      return;
    }
    const register = this.#registers;
    this.#registers += 2;
    this.code.push({ kind: "clear", register });
    const start = this.code.length;
    const loop = { kind: "loop" as const, repeat, register, exit: 0 };
    this.code.push(loop, { kind: "iterate", register });
    this.#emit(repeat.body);
    this.code.push({ kind: "progress", register, least: repeat.least });
    this.code.push({ kind: "jump", to: start });
    loop.exit = this.code.length;
  }
}

export function compileProgram(root: Node, groups: number): Program {
  return new Compiler(groups).program(root);
}
