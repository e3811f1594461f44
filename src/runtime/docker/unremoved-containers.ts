/** Containers whose work is over and which the engine, hanging or gone, could not remove then. */
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { Dockerode, DockerodeContainer } from "./dockerode-types.ts";
import { removeContainer } from "./image-build.ts";

/** An engine that has not removed them by then is used as it is; they are tried again. */
export const removeAgainTimeoutMs = 5_000;

export class UnremovedContainers {
  readonly #ids = new Set<string>();
  #removing: Promise<void> | undefined;

  constructor(private readonly logger: Logger) {}

  /** Removes a container, now or when the engine is used again. Never throws. */
  async remove(container: DockerodeContainer, what: string): Promise<void> {
    try {
      await removeContainer(container);
    } catch (error) {
      this.#ids.add(container.id);
      this.logger.warn(
        `${what} could not be removed, which is tried again later: ${messageOf(error)}`,
      );
    }
  }

  /** To be called when the engine is used again; resolves at once where there is nothing to do. */
  async removeAgain(docker: Dockerode): Promise<void> {
    if (this.#ids.size === 0) return;
    this.#removing ??= this.#removeAll(docker).finally(() => this.#removing = undefined);
    await this.#removing;
  }

  async #removeAll(docker: Dockerode): Promise<void> {
    const signal = AbortSignal.timeout(removeAgainTimeoutMs);
    for (const id of [...this.#ids]) {
      try {
        await removeContainer(docker.getContainer(id), signal);
        this.#ids.delete(id);
      } catch (error) {
        this.logger.debug(`container ${id.slice(0, 12)} is still there: ${messageOf(error)}`);
        return;
      }
    }
  }
}
