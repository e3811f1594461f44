/** Repeated measurements and their table. */
export interface Measured {
  readonly name: string;
  readonly unit: string;
  readonly values: readonly number[];
}

/** Runs `once` (which gives milliseconds) several times. */
export async function measure(
  name: string,
  runs: number,
  once: () => Promise<number>,
): Promise<Measured> {
  const values: number[] = [];
  for (let i = 0; i < runs; i++) values.push(await once());
  return { name, unit: "ms", values };
}

export function printTable(subject: string, results: readonly Measured[]): void {
  const width = Math.max(...results.map(({ name }) => name.length));
  console.log(`\n${subject}, deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} cores`);
  console.log(
    `${"".padEnd(width)}  ${"min".padStart(8)} ${"median".padStart(8)} ${"max".padStart(8)}`,
  );
  for (const { name, unit, values } of results) {
    const sorted = values.toSorted((a, b) => a - b);
    const shown = [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted[sorted.length - 1]];
    console.log(
      `${name.padEnd(width)}  ${shown.map((v) => v.toFixed(0).padStart(8)).join(" ")} ${unit}`,
    );
  }
}
