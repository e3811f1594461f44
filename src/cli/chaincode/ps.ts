/** `chaincode ps`: what runs on a peer, and what was launched before. Denim's own. */
import { type Launch, Outcome, type Step } from "../../gen/denim/control_pb.ts";
import type { CommandHandler } from "../command.ts";
import { UsageError } from "../flags.ts";
import { withControl } from "./control.ts";
import { durationText } from "./trace-display.ts";

/** Characters of a reason in the table; --json gives all. */
const maxReason = 80;

export const ps: CommandHandler = async (invocation) => {
  const { flags, args, terminal } = invocation;
  if (args.length > 1) throw new UsageError("usage", "'chaincode ps' takes one NAME at most");
  const launches = await withControl(invocation, (control) => control.launches(args[0] ?? ""));
  const shown = flags.boolean("all") ? launches : launches.filter(isAlive);
  terminal.out(
    flags.boolean("json")
      ? `${JSON.stringify(shown.map(plain), undefined, 2)}\n`
      : table(shown, Date.now(), flags.boolean("all")),
  );
};

/** It runs, or is being launched. */
function isAlive({ connected, outcome }: Launch): boolean {
  return connected || outcome === Outcome.RUNNING;
}

/** One word, and what it is about. */
export function stateOf(launch: Launch): string {
  if (launch.connected) return "running";
  if (launch.outcome === Outcome.FAILED) return "failed";
  if (launch.outcome === Outcome.RUNNING) {
    const step = launch.steps.findLast(({ outcome }) => outcome === Outcome.RUNNING)?.name;
    return step === undefined ? "starting" : `starting (${step})`;
  }
  return launch.exit?.reason === "stopped" ? "stopped" : "exited";
}

/** The aligned table; newest first. Pure. */
export function table(launches: readonly Launch[], now: number, withReasons: boolean): string {
  const head = [
    "NAME",
    "VERSION",
    "STATE",
    "RUNTIME",
    "ID",
    "LAUNCH",
    "SINCE",
    "READY AFTER",
    "TX",
  ];
  const rows = launches.toReversed().map((launch) => [
    launch.name,
    launch.version,
    stateOf(launch),
    launch.runtime || "-",
    launch.instanceId || "-",
    launch.number === 0n ? "-" : String(launch.number),
    since(launch, now),
    launch.outcome === Outcome.OK && launch.number !== 0n
      ? durationText(Number(launch.durationMs))
      : "-",
    String(launch.activeTransactions),
    ...(withReasons ? [reason(launch)] : []),
  ]);
  return aligned([withReasons ? [...head, "REASON"] : head, ...rows]);
}

/** Columns padded to their widest cell. */
export function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows.map((row) => `${row.map((cell, i) => cell.padEnd(widths[i])).join("  ").trimEnd()}\n`)
    .join("");
}

/** `5 minutes ago`, as Docker says it: since it runs, or since it ended. */
function since({ number, beganAt, durationMs, exit, outcome }: Launch, now: number): string {
  if (number === 0n) return "-";
  const at = exit?.at ?? (outcome === Outcome.RUNNING ? beganAt : beganAt + durationMs);
  return `${agoText(now - Number(at))} ago`;
}

/** `3 seconds`, `2 minutes`, `5 hours`, `4 days`. */
export function agoText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  const units = [["day", 86_400], ["hour", 3_600], ["minute", 60]] as const;
  const [unit, size] = units.find(([, size]) => seconds >= size) ?? ["second", 1];
  const count = Math.floor(seconds / size);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

function reason({ error, exit, outcome }: Launch): string {
  const [line] = (outcome === Outcome.FAILED ? error : exit?.reason ?? "").split("\n", 1);
  return line.length > maxReason ? `${line.slice(0, maxReason - 1)}…` : line;
}

/** A launch for programs: times in ISO 8601, durations in milliseconds. */
function plain(launch: Launch) {
  const time = (ms: bigint) => ms === 0n ? undefined : new Date(Number(ms)).toISOString();
  const outcomeOf = ({ outcome }: Launch | Step) => Outcome[outcome].toLowerCase();
  return {
    name: launch.name,
    version: launch.version,
    state: stateOf(launch),
    runtime: launch.runtime || undefined,
    id: launch.instanceId || undefined,
    launch: Number(launch.number),
    beganAt: time(launch.beganAt),
    durationMs: Number(launch.durationMs),
    outcome: outcomeOf(launch),
    error: launch.error || undefined,
    connected: launch.connected,
    activeTransactions: launch.activeTransactions,
    exit: launch.exit && { at: time(launch.exit.at), reason: launch.exit.reason },
    transactions: launch.txIds,
    steps: launch.steps.map((step) => ({
      name: step.name,
      beganAt: time(step.beganAt),
      durationMs: Number(step.durationMs),
      outcome: outcomeOf(step),
      facts: JSON.parse(step.facts || "{}"),
    })),
  };
}
