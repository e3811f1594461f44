/** `node start`. Mirrors peer/node/start.go. */
import { systemClock } from "../../base/clock.ts";
import { loadConfig } from "../../config/load.ts";
import { noArguments } from "../channel/session.ts";
import type { CommandHandler } from "../command.ts";
import { terminalLog } from "../session.ts";

export const start: CommandHandler = async (invocation) => {
  noArguments(invocation);
  const { flags, terminal } = invocation;
  const log = terminalLog(terminal);
  const logger = log.logger("nodeCmd");
  let report = (): readonly string[] => ["the peer is starting"];
  const received = (signal: string) => logger.info(`Received signal: ${signal}`);
  const interrupted = terminal.onInterruption(received);
  terminal.onUserSignal?.((signal) => {
    received(signal);
    logger.info(["Go routines report:", ...report()].join("\n  "));
  });
  let config = await loadConfig(terminal.environment, terminal.workingDirectory);
  if (flags.boolean("peer-chaincodedev")) config = config.with({ "chaincode.mode": "dev" });
  const { PeerNode } = await import("../../node/peer-node.ts");
  const { taskReport } = await import("../../node/task-report.ts");
  const node = await PeerNode.start({
    config: config.peerConfig,
    clock: systemClock,
    log,
    environment: terminal.environment,
  });
  report = () => taskReport(node, systemClock);
  try {
    await new Promise<void>((stop) => {
      if (interrupted.aborted) stop();
      else interrupted.addEventListener("abort", () => stop(), { once: true });
    });
  } finally {
    await node.close();
    logger.info("Stopped");
  }
};
