/** Reads PCRE patterns, byte by byte as Erlang compiles them without its unicode option. */
import { latin1 } from "../../../base/bytes.ts";
import {
  anyByte,
  caseless,
  complement,
  escapes,
  newline,
  posixClasses,
  setOf,
  single,
  union,
} from "./byte-set.ts";
import { type Assertion, type ByteSet, empty, fixedWidth, type Node } from "./syntax.ts";

/** Why a pattern is not one, or not one that is supported. */
export class PatternError extends Error {}

export interface Pattern {
  readonly root: Node;
  /** Number of capturing groups. */
  readonly groups: number;
}

interface Options {
  readonly i: boolean;
  readonly m: boolean;
  readonly s: boolean;
  readonly x: boolean;
}

/** Bytes of a pattern, groups inside of groups, and counts in braces; PCRE has such bounds too. */
const maxPatternBytes = 65_536;
const maxGroupDepth = 200;
const maxCount = 65_535;

const controls: Readonly<Record<string, number>> = {
  a: 0x07,
  e: 0x1b,
  f: 0x0c,
  n: 0x0a,
  r: 0x0d,
  t: 0x09,
};
const assertions: Readonly<Record<string, Assertion>> = {
  A: "start",
  G: "start",
  z: "end",
  Z: "endOrNewline",
  b: "word",
  B: "notWord",
};

class Parser {
  #at = 0;
  #groups = 0;
  #depth = 0;
  /** Between \\Q and \\E, where every byte stands for itself. */
  #quoting = false;
  readonly #names = new Map<string, number>();
  readonly #references: { name: string | number; resolve: (group: number) => void }[] = [];

  constructor(readonly pattern: string) {}

  parse(): Pattern {
    const root = this.#choice({ i: false, m: false, s: false, x: false });
    if (this.#at < this.pattern.length) throw new PatternError("a ) has no (");
    for (const { name, resolve } of this.#references) {
      const group = typeof name === "number" ? name : this.#names.get(name);
      if (group === undefined || group > this.#groups) {
        throw new PatternError(`there is no group ${name}`);
      }
      resolve(group);
    }
    return { root, groups: this.#groups };
  }

  #take(text: string): boolean {
    if (!this.pattern.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  /** Takes what a sticky expression matches here. */
  #takeMatch(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.#at;
    const match = expression.exec(this.pattern);
    if (match === null) return undefined;
    this.#at += match[0].length;
    return match;
  }

  /** Options change by (?i) up to the end of the group, in later alternatives too. */
  #choice(given: Options): Node {
    let options = given;
    const alternatives: Node[] = [];
    let parts: Node[] = [];
    const close = () => {
      alternatives.push(parts.length === 1 ? parts[0] : { kind: "sequence", parts });
      parts = [];
    };
    while (this.#at < this.pattern.length) {
      if (this.#quoting || this.#switchesQuoting()) {
        if (this.#quoting) parts.push(...this.#quantified(options));
      } else if (this.pattern[this.#at] === ")") break;
      else if (this.#take("|")) close();
      else if (this.#skipped(options)) continue;
      else {
        const flags = this.#takeMatch(/\(\?([imsx]*)(?:-([imsx]*))?\)/y);
        if (flags) options = changed(options, flags[1], flags[2] ?? "");
        else parts.push(...this.#quantified(options));
      }
    }
    close();
    return alternatives.length === 1 ? alternatives[0] : { kind: "choice", options: alternatives };
  }

  #skipped({ x }: Options): boolean {
    if (this.#takeMatch(/\(\?#[^)]*\)/y)) return true;
    return x && this.#takeMatch(/[ \t\n\v\f\r]+|#[^\n]*\n?/y) !== undefined;
  }

  #quantified(options: Options): Node[] {
    if (this.#quoting && this.#switchesQuoting()) return [];
    let body = this.#quoting
      ? literal(this.pattern.charCodeAt(this.#at++), options.i)
      : this.#atom(options);
    for (;;) {
      this.#switchesQuoting();
      if (this.#quoting) return [body];
      while (this.#skipped(options));
      const quantifier = this.#takeMatch(/([*+?])|\{(\d+)(,(\d*))?\}/y);
      if (!quantifier) return [body];
      const [, sign, from, comma, to] = quantifier;
      const least = sign === undefined ? Number(from) : sign === "+" ? 1 : 0;
      const open = sign === undefined ? comma !== undefined && to === "" : sign !== "?";
      const most = open ? Infinity : sign === undefined ? Number(to ?? from) : 1;
      if (least > most) throw new PatternError("numbers out of order in {}");
      if (least > maxCount || most !== Infinity && most > maxCount) {
        throw new PatternError("number too big in {}");
      }
      const mode = this.#take("?") ? "lazy" : this.#take("+") ? "possessive" : "greedy";
      body = { kind: "repeat", body, least, most, mode };
      if (this.#takeMatch(/(?=[*+?])/y)) throw new PatternError("nothing to repeat");
    }
  }

  #switchesQuoting(): boolean {
    if (!this.#take(this.#quoting ? "\\E" : "\\Q")) return !this.#quoting && this.#take("\\E");
    this.#quoting = !this.#quoting;
    return true;
  }

  #atom(options: Options): Node {
    const c = this.pattern[this.#at++];
    switch (c) {
      case ".":
        return { kind: "set", set: options.s ? anyByte : complement(newline) };
      case "^":
        return { kind: "assert", what: options.m ? "lineStart" : "start" };
      case "$":
        return { kind: "assert", what: options.m ? "lineEnd" : "endOrNewline" };
      case "(":
        return this.#group(options);
      case "[":
        return { kind: "set", set: this.#class(options) };
      case "\\":
        return this.#escape(options);
      case "*":
      case "+":
      case "?":
        throw new PatternError("nothing to repeat");
      default:
        return literal(c.charCodeAt(0), options.i);
    }
  }

  #group(options: Options): Node {
    if (++this.#depth > maxGroupDepth) throw new PatternError("groups are nested too deep");
    const node = this.#groupNode(options);
    this.#depth--;
    return node;
  }

  #groupNode(options: Options): Node {
    const named = this.#takeMatch(/\?(?:P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')/y);
    if (named || !this.pattern.startsWith("?", this.#at)) {
      const number = ++this.#groups;
      if (named) this.#names.set(named[1] ?? named[2], number);
      return { kind: "group", number, body: this.#body(options) };
    }
    const same = this.#takeMatch(/\?P=([A-Za-z_]\w*)\)/y);
    if (same) return this.#reference(same[1], options);
    if (this.#take("?>")) return { kind: "atomic", body: this.#body(options) };
    const look = this.#takeMatch(/\?(<?)([=!])/y);
    if (look) return this.#look(look[1] === "", look[2] === "!", options);
    const plain = this.#takeMatch(/\?([imsx]*)(?:-([imsx]*))?:/y);
    if (plain) return this.#body(changed(options, plain[1], plain[2] ?? ""));
    throw new PatternError("a kind of group that is not supported");
  }

  #body(options: Options): Node {
    const body = this.#choice(options);
    if (!this.#take(")")) throw new PatternError("a ( has no )");
    return body;
  }

  #look(ahead: boolean, negative: boolean, options: Options): Node {
    const body = this.#body(options);
    if (ahead) return { kind: "look", ahead, negative, body, widths: [] };
    const choices = body.kind === "choice" ? body.options : [body];
    const widths = choices.map((option) => {
      const width = fixedWidth(option);
      if (width === undefined) throw new PatternError("lookbehind is not of fixed length");
      return width;
    });
    return { kind: "look", ahead, negative, body, widths: [...new Set(widths)] };
  }

  #reference(name: string | number, { i }: Options): Node {
    const node = { kind: "reference" as const, group: 0, ignoreCase: i };
    this.#references.push({ name, resolve: (group) => node.group = group });
    return node;
  }

  #escape(options: Options): Node {
    const c = this.pattern[this.#at];
    if (c === undefined) throw new PatternError("\\ at the end");
    const assertion = Object.hasOwn(assertions, c) ? assertions[c] : undefined;
    if (assertion) {
      this.#at++;
      return { kind: "assert", what: assertion };
    }
    if (this.#take("R")) return lineBreak;
    const back = this.#takeMatch(/([1-9]\d?)|k[<{']([A-Za-z_]\w*)[>}']|g\{?([1-9]\d?)\}?/y);
    if (back) {
      const number = back[1] ?? back[3];
      return this.#reference(number === undefined ? back[2] : Number(number), options);
    }
    const set = this.#escapedSet();
    return { kind: "set", set: options.i ? caseless(set) : set };
  }

  /** A class or a byte after a backslash, outside and inside of brackets. */
  #escapedSet(): ByteSet {
    const c = this.pattern[this.#at];
    if (Object.hasOwn(escapes, c)) {
      this.#at++;
      return escapes[c];
    }
    return single(this.#escapedByte());
  }

  #escapedByte(): number {
    const hexadecimal = this.#takeMatch(/x(?:\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{0,2}))/y);
    if (hexadecimal) {
      const value = parseInt(hexadecimal[1] ?? hexadecimal[2], 16) || 0;
      if (value > 0xff) throw new PatternError("character value in \\x{} is too large");
      return value;
    }
    const octal = this.#takeMatch(/0[0-7]{0,2}|o\{([0-7]+)\}/y);
    if (octal) return parseInt(octal[1] ?? octal[0], 8) & 0xff;
    const control = this.#takeMatch(/c([\x20-\x7e])/y);
    if (control) return control[1].toUpperCase().charCodeAt(0) ^ 0x40;
    const c = this.pattern[this.#at++];
    if (Object.hasOwn(controls, c)) return controls[c];
    if (/[A-Za-z0-9]/.test(c)) throw new PatternError(`\\${c} is not supported`);
    return c.charCodeAt(0);
  }

  #class({ i }: Options): ByteSet {
    const negative = this.#take("^");
    let set = setOf(() => false);
    for (let first = true; first || this.pattern[this.#at] !== "]"; first = false) {
      if (this.#at >= this.pattern.length) throw new PatternError("a [ has no ]");
      set = union(set, this.#classItem());
    }
    this.#at++;
    if (i) set = caseless(set);
    return negative ? complement(set) : set;
  }

  #classItem(): ByteSet {
    const posix = this.#takeMatch(/\[:(\^?)(\w+):\]/y);
    if (posix) {
      if (!Object.hasOwn(posixClasses, posix[2])) {
        throw new PatternError("unknown POSIX class name");
      }
      const named = posixClasses[posix[2]];
      return posix[1] === "^" ? complement(named) : named;
    }
    const from = this.#classEnd();
    if (typeof from !== "number") return from;
    if (!this.#takeMatch(/-(?!\])/y)) return single(from);
    const to = this.#classEnd();
    if (typeof to !== "number") return union(union(single(from), single(0x2d)), to);
    if (to < from) throw new PatternError("range out of order in character class");
    return setOf((byte) => byte >= from && byte <= to);
  }

  /** One end of a range, or a whole class. */
  #classEnd(): number | ByteSet {
    const c = this.pattern[this.#at++];
    if (c === undefined) throw new PatternError("a [ has no ]");
    if (c !== "\\") return c.charCodeAt(0);
    if (this.#at >= this.pattern.length) throw new PatternError("\\ at the end");
    if (this.#take("b")) return 0x08;
    const next = this.pattern[this.#at];
    return Object.hasOwn(escapes, next) ? this.#escapedSet() : this.#escapedByte();
  }
}

const lineBreak: Node = {
  kind: "atomic",
  body: {
    kind: "choice",
    options: [
      { kind: "sequence", parts: [literal(0x0d, false), literal(0x0a, false)] },
      { kind: "set", set: escapes.v },
    ],
  },
};

function literal(byte: number, ignoreCase: boolean): Node {
  return { kind: "set", set: ignoreCase ? caseless(single(byte)) : single(byte) };
}

function changed(options: Options, on: string, off: string): Options {
  const set = (flag: keyof Options) => !off.includes(flag) && (on.includes(flag) || options[flag]);
  return { i: set("i"), m: set("m"), s: set("s"), x: set("x") };
}

/** @throws PatternError */
export function parsePattern(pattern: Uint8Array): Pattern {
  if (pattern.length > maxPatternBytes) throw new PatternError("the pattern is too long");
  if (pattern.length === 0) return { root: empty, groups: 0 };
  return new Parser(latin1(pattern)).parse();
}
