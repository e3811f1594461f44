/** How denim refuses: one message, what to do next, exit code 1. */
import assert from "node:assert/strict";
import type { Finished, Workplace } from "./denim.ts";

export interface Refusal {
  readonly args: readonly string[];
  readonly environment?: Record<string, string>;
  /** What the message must say. */
  readonly says: RegExp;
  /** What the hint, or the usage below, must say. */
  readonly next: RegExp;
}

/** A line of a JavaScript stack trace of denim itself; quoted output is indented by two. */
const stackLine = /^ {4}at .*(src\/|chunks\/|ext:|node:)/m;

/** @throws AssertionError where the refusal is not as a newcomer needs it */
export function assertRefusal({ code, out, err }: Finished, { args, says, next }: Refusal): void {
  const seen = `denim ${args.join(" ")} ended with ${code}:\n${err}${out}`;
  assert.equal(code, 1, seen);
  assert.equal(err.match(/^Error: /gm)?.length, 1, `not one error: ${seen}`);
  const told = err.slice(err.search(/^Error: /m));
  const end = told.search(/\n(Hint: |Usage:|Run ')/);
  const [message, rest] = end < 0 ? [told, ""] : [told.slice(0, end), told.slice(end + 1)];
  assert.match(message.slice("Error: ".length), says, seen);
  assert.match(rest, next, seen);
  assert.doesNotMatch(err, /\[object \w+\]|undefined|defect in denim/, seen);
  assert.doesNotMatch(err, stackLine, seen);
  // deno-lint-ignore no-control-regex -- escape sequences of build tools are what must not pass
  assert.doesNotMatch(err, /\x1b/, seen);
}

/** So many commands run at once. */
const atOnce = 3;

/** Runs commands that must all be refused. */
export async function refused(work: Workplace, refusals: readonly Refusal[]): Promise<void> {
  const queue = [...refusals];
  const workers = Array.from({ length: atOnce }, async () => {
    for (let refusal = queue.shift(); refusal; refusal = queue.shift()) {
      const { args, environment } = refusal;
      assertRefusal(await work.run(args, { environment }), refusal);
    }
  });
  // All to their ends, so that a failure leaves no command running.
  for (const result of await Promise.allSettled(workers)) {
    if (result.status === "rejected") throw result.reason;
  }
}
