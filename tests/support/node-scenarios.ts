/** Scenarios of real SDKs, run in a Node process, as steps of a test. See tests/sdk/scenarios.cjs. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { repository } from "./denim.ts";

/** All scenarios of one SDK together. */
const processTimeoutMs = 240_000;

interface ScenarioResult {
  readonly name: string;
  readonly error?: string;
  readonly ms: number;
}

export interface ScenarioRun {
  /** File below tests/sdk. */
  readonly script: string;
  /** See `nodeModules`. */
  readonly modules: string;
  /** What the script gets as its first argument, in JSON. */
  readonly context: unknown;
  /** Further arguments. */
  readonly args?: readonly string[];
  readonly workingDirectory: string;
}

/** Runs the script; every scenario becomes a step. */
export async function runNodeScenarios(t: Deno.TestContext, run: ScenarioRun): Promise<void> {
  const child = await new Deno.Command("node", {
    args: [
      join(repository, "tests", "sdk", run.script),
      JSON.stringify(run.context),
      ...(run.args ?? []),
    ],
    cwd: run.workingDirectory,
    env: { NODE_PATH: run.modules },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(processTimeoutMs),
  }).output();
  const decoder = new TextDecoder();
  const said = decoder.decode(child.stderr);
  const results = decoder.decode(child.stdout).split("\n")
    .filter((line) => line.startsWith('{"name":')).map((line): ScenarioResult => JSON.parse(line));
  for (const { name, error, ms } of results) {
    await t.step(`${name} (${ms} ms)`, () => assert.equal(error, undefined, error ?? ""));
  }
  assert.ok(child.success, `the process ended with ${child.code}:\n${said.slice(-4_000)}`);
  assert.ok(results.length > 0, `no scenario ran:\n${said}`);
}
