/** Removing this peer's images and containers that nothing uses; those of others stay. */
import { withDeadline } from "../../base/async.ts";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { PrunedItem } from "../types.ts";
import type { Dockerode } from "./dockerode-types.ts";
import { statusOf } from "./engine-error.ts";
import { containerStepTimeoutMs, removeContainer } from "./image-build.ts";

/**
 * An ended container of this peer that is older is no part of a launch or build any more: each
 * removes its own within the time it has.
 */
export const prunableContainerAgeMs = 30 * 60_000;

export interface PruneOptions {
  /** `label=value` that this peer's images and containers have. */
  readonly ownerLabel: string;
  /** Is an image of this name and these labels still wanted? */
  keeps(image: string, labels: Readonly<Record<string, string>>): boolean;
  readonly now: number;
  readonly logger: Logger;
}

export async function pruneEngine(docker: Dockerode, options: PruneOptions): Promise<PrunedItem[]> {
  return [...await pruneContainers(docker, options), ...await pruneImages(docker, options)];
}

async function pruneContainers(
  docker: Dockerode,
  { ownerLabel, now }: PruneOptions,
): Promise<PrunedItem[]> {
  // Podman knows no containers that are dead, and refuses to be asked for them.
  const filters = JSON.stringify({ label: [ownerLabel] });
  const abortSignal = AbortSignal.timeout(containerStepTimeoutMs);
  const removed: PrunedItem[] = [];
  for (
    const { Id, Names, Created, State } of await docker.listContainers({
      all: true,
      filters,
      abortSignal,
    })
  ) {
    if (!["exited", "dead"].includes(State)) continue;
    if (now - Created * 1_000 < prunableContainerAgeMs) continue;
    await removeContainer(docker.getContainer(Id));
    const name = Names[0]?.replace(/^\//, "") ?? Id.slice(0, 12);
    removed.push({ kind: "container", name, bytes: 0 });
  }
  return removed;
}

async function pruneImages(
  docker: Dockerode,
  { ownerLabel, keeps, logger }: PruneOptions,
): Promise<PrunedItem[]> {
  const abortSignal = AbortSignal.timeout(containerStepTimeoutMs);
  const filters = JSON.stringify({ label: [ownerLabel] });
  const removed: PrunedItem[] = [];
  const named = new Set(
    (await docker.listImages({ filters: "{}", abortSignal })).map(({ Id }) => plainId(Id)),
  );
  for (const { Id, RepoTags, Labels } of await docker.listImages({ filters, abortSignal })) {
    const tags = (RepoTags ?? []).filter((tag) => tag !== "<none>:<none>");
    const unwanted = tags.filter((tag) => !keeps(givenName(tag), Labels ?? {}));
    if (tags.length > unwanted.length && unwanted.length === 0) continue;
    const names = tags.length === 0 ? [Id] : unwanted;
    const bytes = names.length >= tags.length ? await ownBytes(docker, Id, named) : 0;
    for (const [i, name] of names.entries()) {
      try {
        await docker.getImage(name).remove({ abortSignal });
        removed.push({ kind: "image", name: givenName(name), bytes: i === 0 ? bytes : 0 });
      } catch (error) {
        // 404: gone; 409: a container uses it.
        if (![404, 409].includes(statusOf(error) ?? 0)) {
          logger.warn(`image ${name} could not be removed: ${messageOf(error)}`);
        }
      }
    }
  }
  return removed;
}

/** The name that an image was built under: Podman puts a registry before names that have none. */
function givenName(tag: string): string {
  return tag.replace(/^(docker\.io\/library|localhost)\//, "").replace(/:latest$/, "");
}

function plainId(id: string): string {
  return id.replace(/^sha256:/, "");
}

/**
 * What an image adds to its base image: the layers above the first one that is an image itself, by
 * its names or, where the engine does not tell them, by its id.
 */
async function ownBytes(
  docker: Dockerode,
  id: string,
  images: ReadonlySet<string>,
): Promise<number> {
  let bytes = 0;
  try {
    const history = docker.getImage(id).history();
    const layers = await withDeadline(history, containerStepTimeoutMs, `history of image ${id}`);
    for (const [i, { Id, Size, Tags }] of layers.entries()) {
      if (i > 0 && ((Tags ?? []).length > 0 || images.has(plainId(Id)))) break;
      bytes += Size;
    }
  } catch {
    // Only a number in a report.
  }
  return bytes;
}
