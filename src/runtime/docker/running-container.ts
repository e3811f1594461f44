/** A started container: its output, its end, its removal. */
import { withDeadline } from "../../base/async.ts";
import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { exitStatus } from "../exit-status.ts";
import { OutputLog } from "../output.ts";
import type { ExitStatus, OutputLine, RunningChaincode } from "../types.ts";
import { containerEnd, inspectTimeoutMs } from "./container-end.ts";
import type { DockerodeContainer } from "./dockerode-types.ts";
import { statusOf } from "./engine-error.ts";
import { removeContainer } from "./image-build.ts";
import { followFrames } from "./output-stream.ts";

/** After a container has ended, its log has so long to arrive. */
export const logDrainMs = 2_000;

export interface FollowOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Gets the container's lines. */
  readonly outputLogger: Logger;
  /** vm.docker.attachStdout: the lines are for everyone to see, not only for those who debug. */
  readonly attachStdout: boolean;
  onLine(line: OutputLine): void;
  /** Removes the container once it has ended, sooner or later. Never throws. */
  remove(): Promise<void>;
}

/** Follows a container until it ends, then removes it. */
export function followContainer(
  container: DockerodeContainer,
  name: string,
  options: FollowOptions,
): RunningChaincode {
  const { outputLogger } = options;
  const output = new OutputLog(options.clock, (line) => {
    if (options.attachStdout) outputLogger.info(line.text);
    else outputLogger.debug(line.text);
    options.onLine(line);
  });
  const released = new AbortController();
  const logs = readLogs(container, output, options.logger, released.signal);
  const exited = awaitExit(container, name, logs, options.logger)
    .finally(() => options.remove())
    .finally(() => released.abort());
  return {
    id: container.id.slice(0, 12),
    exited,
    lastOutput: () => output.lines(),
    stop: async () => {
      await removeContainer(container);
      await exited;
    },
  };
}

async function readLogs(
  container: DockerodeContainer,
  output: OutputLog,
  logger: Logger,
  abortSignal: AbortSignal,
): Promise<void> {
  try {
    const stream = await container.logs({ follow: true, stdout: true, stderr: true, abortSignal });
    await followFrames(stream, (name, text) => output.add(name, text));
  } catch (error) {
    if (!abortSignal.aborted && statusOf(error) !== 404) {
      logger.warn(`output of container ${container.id} is not available: ${messageOf(error)}`);
    }
  }
}

async function awaitExit(
  container: DockerodeContainer,
  name: string,
  logs: Promise<void>,
  logger: Logger,
): Promise<ExitStatus> {
  let code: number | undefined;
  let outOfMemory = false;
  try {
    code = await containerEnd(container, logs, new AbortController().signal);
    const abortSignal = AbortSignal.timeout(inspectTimeoutMs);
    outOfMemory = (await container.inspect({ abortSignal })).State.OOMKilled === true;
  } catch (error) {
    // Removed by stop(), or the engine has gone.
    if (statusOf(error) !== 404) logger.warn(`container ${name}: ${messageOf(error)}`);
  }
  try {
    await withDeadline(logs, logDrainMs, `output of container ${name}`);
  } catch (error) {
    logger.debug(messageOf(error));
  }
  return exitStatus(code, undefined, outOfMemory);
}
