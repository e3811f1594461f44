/** How a container's end is seen, whatever becomes of the connection on which it would be told. */
import { Deferred, sleep } from "../../base/async.ts";
import type { DockerodeContainer } from "./dockerode-types.ts";
import { apiError, statusOf } from "./engine-error.ts";

/** A container is asked whether it runs so often, beside waiting for its end. */
export const watchPauseMs = 15_000;
/** The same once its log has ended, or the connection on which its end would be told. */
export const inspectPauseMs = 500;
export const inspectTimeoutMs = 5_000;
/** An engine that does not answer so many times in a row has gone, and the container with it. */
const maxInspectFailures = 4;

/**
 * Waits for a container's end.
 * @param logs settles when its output has ended; must not reject
 * @returns the exit code, undefined where the signal aborted before
 * @throws DenimError `docker-failed` when the container or the engine has gone
 */
export async function containerEnd(
  container: DockerodeContainer,
  logs: Promise<void>,
  signal: AbortSignal,
): Promise<number | undefined> {
  const over = new AbortController();
  const watched = AbortSignal.any([signal, over.signal]);
  const broken = new Deferred<void>();
  const waited = container.wait({ abortSignal: watched }).then(
    (end) => end.StatusCode,
    (error) => {
      // What the engine says counts. That a connection broke is no end of a container.
      if (watched.aborted || statusOf(error) !== undefined) throw error;
      broken.resolve();
      return new Promise<never>(() => {});
    },
  );
  waited.catch(() => {});
  const signs = Promise.race([logs, broken.promise]);
  try {
    return await Promise.race([waited, watchState(container, signs, watched)]);
  } finally {
    over.abort();
  }
}

/**
 * The exit code, found by asking. An answer to `wait` whose connection breaks in its middle never comes
 * and never fails; then the end of the log is the first sign.
 * @param signs settles when something makes it likely that the container has ended
 */
async function watchState(
  container: DockerodeContainer,
  signs: Promise<void>,
  signal: AbortSignal,
): Promise<number | undefined> {
  let pauseMs = watchPauseMs;
  void signs.then(() => pauseMs = inspectPauseMs);
  for (let failures = 0; !signal.aborted;) {
    // With the log's end the last pause is cut short.
    await Promise.race([sleep(pauseMs, signal), ...(pauseMs === watchPauseMs ? [signs] : [])]);
    if (signal.aborted) break;
    try {
      const abortSignal = AbortSignal.timeout(inspectTimeoutMs);
      const { State } = await container.inspect({ abortSignal });
      failures = 0;
      if (State.Running === false) return State.ExitCode;
    } catch (error) {
      if (statusOf(error) === 404 || ++failures >= maxInspectFailures) {
        throw apiError(`container ${container.id.slice(0, 12)}`, error);
      }
    }
  }
  return undefined;
}
