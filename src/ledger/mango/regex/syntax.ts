/** The parts of a parsed pattern. */

/** 256 flags: which bytes a single-byte part takes. */
export type ByteSet = Uint8Array;

export interface Repeat {
  readonly kind: "repeat";
  readonly body: Node;
  readonly least: number;
  readonly most: number;
  readonly mode: "greedy" | "lazy" | "possessive";
}

export type Assertion =
  | "start"
  | "lineStart"
  | "end"
  | "endOrNewline"
  | "lineEnd"
  | "word"
  | "notWord";

export type Node =
  | { readonly kind: "empty" }
  | { readonly kind: "set"; readonly set: ByteSet }
  | { readonly kind: "sequence"; readonly parts: readonly Node[] }
  | { readonly kind: "choice"; readonly options: readonly Node[] }
  | Repeat
  | { readonly kind: "group"; readonly number: number; readonly body: Node }
  | { readonly kind: "atomic"; readonly body: Node }
  | {
    readonly kind: "look";
    readonly ahead: boolean;
    readonly negative: boolean;
    readonly body: Node;
    /** Bytes that a look behind covers: one width for each of its options. */
    readonly widths: readonly number[];
  }
  | { readonly kind: "reference"; readonly group: number; readonly ignoreCase: boolean }
  | { readonly kind: "assert"; readonly what: Assertion };

export const empty: Node = { kind: "empty" };

/** Bytes of every match, or undefined where they differ. */
export function fixedWidth(node: Node): number | undefined {
  switch (node.kind) {
    case "empty":
    case "assert":
    case "look":
      return 0;
    case "set":
      return 1;
    case "group":
    case "atomic":
      return fixedWidth(node.body);
    case "sequence": {
      let sum = 0;
      for (const part of node.parts) {
        const width = fixedWidth(part);
        if (width === undefined) return undefined;
        sum += width;
      }
      return sum;
    }
    case "choice": {
      const widths = new Set(node.options.map(fixedWidth));
      return widths.size === 1 ? [...widths][0] : undefined;
    }
    case "repeat": {
      const width = fixedWidth(node.body);
      return width === undefined || node.least !== node.most ? undefined : width * node.least;
    }
    case "reference":
      return undefined;
  }
}
