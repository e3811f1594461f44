/** `node start`. Mirrors peer/node/start.go. */
import { systemClock } from "../../base/clock.ts";
import { loadConfig } from "../../config/load.ts";
import { noArguments } from "../channel/session.ts";
import type { CommandHandler } from "../command.ts";
import { terminalLog } from "../session.ts";

export const start: CommandHandler = async (invocation) => {
  noArguments(invocation);
  const { flags, terminal } = invocation;
  const interrupted = terminal.onInterruption();
  const log = terminalLog(terminal);
  let config = await loadConfig(terminal.environment, terminal.workingDirectory);
  if (flags.boolean("peer-chaincodedev")) config = config.with({ "chaincode.mode": "dev" });
  const { PeerNode } = await import("../../node/peer-node.ts");
  const node = await PeerNode.start({
    config: config.peerConfig,
    clock: systemClock,
    log,
    environment: terminal.environment,
  });
  const logger = log.logger("nodeCmd");
  try {
    await new Promise<void>((stop) => {
      if (interrupted.aborted) stop();
      else interrupted.addEventListener("abort", () => stop(), { once: true });
    });
    logger.info("Received signal: stopping");
  } finally {
    await node.close();
    logger.info("Stopped");
  }
};
