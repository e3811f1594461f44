/**
 * `deno task test`: format, lint, types, unit tests, integration tests, with a Docker engine and base
 * images where they can be had.
 *
 *     deno task test [--forbid-skips] [--no-docker] [path or deno test option …]
 *
 * With paths, only `deno test` runs, on these. The last line is `N passed, N failed`.
 */
import { dockerVariables } from "../tests/support/docker.ts";
import { ensureBaseImages } from "./base-images.ts";
import { type EngineResult, ensureEngine } from "./docker-engine.ts";
import { failureReport, parseSummary, type TestCount } from "./test-summary.ts";

const root = new URL("..", import.meta.url).pathname;

const checks: readonly (readonly [name: string, ...args: string[]])[] = [
  ["format", "fmt", "--check", "--quiet"],
  ["lint", "lint", "--quiet"],
  ["types", "check", "--quiet", "main.ts", "src", "tests", "scripts"],
];

const parts: readonly (readonly [name: string, ...paths: string[]])[] = [
  ["unit", "src", "scripts"],
  ["integration", "tests"],
];

const forbidSkips = Deno.args.includes("--forbid-skips");
const withoutDocker = Deno.args.includes("--no-docker");
const chosen = Deno.args.filter((arg) => !["--forbid-skips", "--no-docker"].includes(arg));

/** Kept while it starts too, so that an interrupt in between leaves no engine behind. */
let engine: Promise<EngineResult> | undefined;
let child: Deno.ChildProcess | undefined;
let interrupted = false;
/** Said again at the end, where a reader of a long output looks. */
const reports: string[] = [];

function say(message: string): void {
  console.log(`# ${message}`);
}

/** Runs this Deno with arguments; its output passes through and is returned too. */
async function deno(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ success: boolean; output: string }> {
  if (interrupted) return { success: false, output: "" };
  child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: root,
    env: environment,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let output = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    Deno.stdout.writeSync(bytes);
    output += decoder.decode(bytes, { stream: true });
  }
  const { success } = await child.status;
  child = undefined;
  return { success, output };
}

/** Where the Docker tests find their engine; empty when they are skipped. */
async function dockerEnvironment(): Promise<Record<string, string>> {
  const skipped = (reason: string): Record<string, string> => {
    say(`Docker tests are ${forbidSkips ? "failed, not skipped" : "skipped"}: ${reason}`);
    return {};
  };
  if (withoutDocker) return skipped("--no-docker");
  engine = ensureEngine(say);
  const result = await engine;
  if (!result.ok) return skipped(result.reason);
  if (interrupted) return {};
  const { endpoint, origin } = result.engine;
  try {
    const images = await ensureBaseImages(endpoint, say);
    say(`Docker tests use the engine at ${endpoint} (${origin})`);
    return {
      [dockerVariables.host]: endpoint,
      [dockerVariables.images]: JSON.stringify(images),
    };
  } catch (error) {
    return skipped(error instanceof Error ? error.message : String(error));
  }
}

async function run(): Promise<TestCount> {
  const total = { passed: 0, failed: 0 };
  if (chosen.length === 0) {
    for (const [name, ...args] of checks) {
      say(name);
      if ((await deno(args)).success) {
        total.passed++;
      } else {
        total.failed++;
        reports.push(`${name}: see above`);
        return total;
      }
    }
  }
  const environment = await dockerEnvironment();
  if (forbidSkips) environment[dockerVariables.forbidSkips] = "1";
  const runs = chosen.length === 0 ? parts : [["chosen", ...chosen] as const];
  for (const [name, ...args] of runs) {
    say(`${name} tests`);
    const { success, output } = await deno(
      ["test", "-A", "--no-check", "--permit-no-files", ...args],
      environment,
    );
    const count = parseSummary(output);
    total.passed += count.passed;
    total.failed += count.failed;
    if (forbidSkips && count.ignored > 0) {
      reports.push(`${count.ignored} of the ${name} tests were skipped, which is forbidden here`);
      total.failed += count.ignored;
    }
    if (success) continue;
    // A run that broke without a summary, or after it, is a failure of its own.
    if (count.failed === 0) total.failed++;
    reports.push(`${name} tests\n${failureReport(output) ?? lastLines(output)}`);
  }
  return total;
}

/** Of an output that says nothing of failures: the process broke off. */
function lastLines(output: string): string {
  return output.trimEnd().split("\n").slice(-5).join("\n");
}

async function stopEngine(): Promise<void> {
  const result = await engine;
  if (result?.ok) await result.engine.stop();
}

async function interrupt(): Promise<void> {
  interrupted = true;
  try {
    child?.kill("SIGTERM");
  } catch {
    // It has ended in the meantime.
  }
  await stopEngine();
  Deno.exit(130);
}

/** Never returns: the handler of the signal ends the process. */
function untilInterrupted(): Promise<void> {
  return new Promise(() => {});
}

Deno.addSignalListener("SIGINT", interrupt);
Deno.addSignalListener("SIGTERM", interrupt);
let total: TestCount = { passed: 0, failed: 1 };
try {
  total = await run();
} finally {
  await stopEngine();
}
if (interrupted) await untilInterrupted();
for (const report of reports) say(`failed: ${report}`);
console.log(`${total.passed} passed, ${total.failed} failed`);
Deno.exit(total.failed === 0 ? 0 : 1);
