/** The words of a policy expression, each with its place in the text. */
import { policyError } from "./policy-error.ts";
import type { DenimError } from "../base/errors.ts";

export type Token =
  | { readonly kind: "name" | "text" | "number"; readonly value: string; readonly at: number }
  | { readonly kind: "(" | ")" | "," | "end"; readonly at: number };

/** An error that shows where it is. `at` counts from 0, people count from 1. */
export function expressionError(
  expression: string,
  at: number,
  message: string,
  hint?: string,
): DenimError {
  const pointer = `${expression.replace(/\s/g, " ")}\n${" ".repeat(at)}^`;
  return policyError(
    "bad-policy-expression",
    `${message} (position ${at + 1} of the policy)`,
    { policy: expression, position: at + 1 },
    hint ? `${hint}\n${pointer}` : pointer,
  );
}

/** @throws DenimError `bad-policy-expression` */
export function tokenize(expression: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < expression.length) {
    const character = expression[at];
    if (/\s/.test(character)) {
      at++;
      continue;
    }
    if (character === "(" || character === ")" || character === ",") {
      tokens.push({ kind: character, at: at++ });
      continue;
    }
    if (character === "'" || character === '"') {
      const end = expression.indexOf(character, at + 1);
      if (end < 0) throw expressionError(expression, at, `Unclosed string literal: ${character}`);
      tokens.push({ kind: "text", value: expression.slice(at + 1, end), at });
      at = end + 1;
      continue;
    }
    const word = /^(?:-?\d+(?:\.\d+)?(?![\w.-])|[\p{L}\p{N}_.-]+)/u.exec(expression.slice(at))?.[0];
    if (!word) throw expressionError(expression, at, `Invalid token: '${character}'`);
    tokens.push({ kind: /^-?\d+(\.\d+)?$/.test(word) ? "number" : "name", value: word, at });
    at += word.length;
  }
  tokens.push({ kind: "end", at: expression.length });
  return tokens;
}

/** A token as an error message names it. */
export function describe(token: Token): string {
  if (token.kind === "end") return "the end of the policy";
  return "value" in token ? `'${token.value}'` : `'${token.kind}'`;
}
