/** `ledger replay`: commits recorded blocks into a temporary ledger and compares the outcome. */
import { resolve } from "node:path";
import { systemClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { replay as replayRecording } from "../../node/ledger-replay.ts";
import { readRecording } from "../../node/recording.ts";
import type { ReplayedBlock } from "../../node/replayed-block.ts";
import type { CommandHandler } from "../command.ts";
import { UsageError } from "../flags.ts";
import { terminalLog } from "../session.ts";

/** More differences than these tell nothing new. */
const maxShownDifferences = 20;

export const replay: CommandHandler = async ({ args, flags, terminal }) => {
  if (args.length !== 1) throw new UsageError("usage", "name one folder with recorded blocks");
  if (flags.string("mspid") === "") {
    throw new UsageError("usage", "--mspid must name the organisation of the recorded peer");
  }
  const asJson = flags.boolean("json");
  const recording = readRecording(resolve(terminal.workingDirectory, args[0]));
  const directory = await Deno.makeTempDir({ prefix: "denim-replay-" });
  try {
    const outcome = await replayRecording(recording, {
      directory,
      mspId: flags.string("mspid"),
      clock: systemClock,
      logger: terminal.environment.FABRIC_LOGGING_SPEC
        ? terminalLog(terminal).logger("replay")
        : silentLogger,
      onBlock: asJson ? undefined : (block) => terminal.out(blockText(block)),
    });
    const { differences, compared } = outcome;
    if (asJson) terminal.out(`${JSON.stringify(outcome, undefined, 1)}\n`);
    else if (compared.length === 0) {
      terminal.out("Nothing to compare with: the folder has no validation.json or state.json\n");
    } else if (differences.length === 0) {
      terminal.out(`Equal to ${compared.join(" and ")}\n`);
    }
    for (const difference of differences.slice(0, maxShownDifferences)) {
      terminal.err(`Difference: ${difference}\n`);
    }
    if (differences.length > maxShownDifferences) {
      terminal.err(`… and ${differences.length - maxShownDifferences} more\n`);
    }
    return differences.length === 0 ? 0 : 1;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
};

function blockText({ block, commitHash, txs }: ReplayedBlock): string {
  const lines = txs.map(({ tx, txid, name }) => `  ${tx}  ${name}  ${txid}\n`);
  return `block ${block}  commit hash ${commitHash || "none"}\n${lines.join("")}`;
}
