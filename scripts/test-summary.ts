/** What `deno test` says at its end: the numbers, and why tests failed. */

export interface TestCount {
  readonly passed: number;
  readonly failed: number;
}

/** Reads the last summary of an output; zeros where there is none (no tests, or a crash). */
export function parseSummary(output: string): TestCount & { readonly ignored: number } {
  const summaries = [
    ...withoutColours(output).matchAll(
      /^(?:ok|FAILED) \| (\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed(?: \(\d+ steps?\))?(?: \| (\d+) ignored)?/gm,
    ),
  ];
  const last = summaries.at(-1);
  if (last === undefined) return { passed: 0, failed: 0, ignored: 0 };
  return { passed: Number(last[1]), failed: Number(last[2]), ignored: Number(last[3] ?? 0) };
}

/** So much of a failure report is repeated; the whole stands further up. */
export const maxReportCharacters = 12_000;

/** Errors and names of failed tests, without colours; undefined where the output has no such part. */
export function failureReport(output: string): string | undefined {
  const plain = withoutColours(output);
  const start = /^ ERRORS $/m.exec(plain)?.index;
  if (start === undefined) return undefined;
  const report = plain.slice(start).trim();
  if (report.length <= maxReportCharacters) return report;
  // The end has the names of all that failed.
  return `…${report.slice(-maxReportCharacters)}`;
}

function withoutColours(output: string): string {
  // deno-lint-ignore no-control-regex
  return output.replace(/\x1b\[[0-9;]*m/g, "");
}
