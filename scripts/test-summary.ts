/** The numbers in the last line of `deno test`. */

export interface TestCount {
  readonly passed: number;
  readonly failed: number;
}

/** Reads the last summary of an output; zeros where there is none (no tests, or a crash). */
export function parseSummary(output: string): TestCount & { readonly ignored: number } {
  // deno-lint-ignore no-control-regex
  const plain = output.replace(/\x1b\[[0-9;]*m/g, "");
  const summaries = [
    ...plain.matchAll(
      /^(?:ok|FAILED) \| (\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed(?: \(\d+ steps?\))?(?: \| (\d+) ignored)?/gm,
    ),
  ];
  const last = summaries.at(-1);
  if (last === undefined) return { passed: 0, failed: 0, ignored: 0 };
  return { passed: Number(last[1]), failed: Number(last[2]), ignored: Number(last[3] ?? 0) };
}
