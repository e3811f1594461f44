/** Containers that a killed peer left. */
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { Dockerode } from "./dockerode-types.ts";
import { removeContainer } from "./image-build.ts";

/** An engine that does not say by then what is left is used as it is. */
export const leftoverTimeoutMs = 5_000;

/** Removes what has this label; that it cannot be removed is only worth a warning. */
export async function removeLeftovers(
  docker: Dockerode,
  ownerLabel: string,
  logger: Logger,
): Promise<void> {
  const filters = JSON.stringify({ label: [ownerLabel] });
  const abortSignal = AbortSignal.timeout(leftoverTimeoutMs);
  try {
    for (const { Id } of await docker.listContainers({ all: true, filters, abortSignal })) {
      logger.warn(`removing container ${Id.slice(0, 12)}, left by a peer that was killed`);
      await removeContainer(docker.getContainer(Id));
    }
  } catch (error) {
    logger.warn(`leftover containers could not be removed: ${messageOf(error)}`);
  }
}
