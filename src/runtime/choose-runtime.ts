/** `auto`: which runtime is used where nobody said. */
import { messageOf } from "../base/errors.ts";
import type { ChaincodeRuntime } from "./types.ts";

/** A Docker runtime, as far as the choice needs it. */
export interface DockerCandidate extends ChaincodeRuntime {
  hasImage(name: string): Promise<boolean>;
}

export interface RuntimeChoice {
  readonly runtime: ChaincodeRuntime;
  /** One sentence for people: what was chosen and why. */
  readonly reason: string;
}

/**
 * Docker where its engine answers and has the base images, else local processes.
 * @param wanted `chaincode.runtime`; anything but `auto` is taken as said
 * @param baseImages images that a build would need; not pulled, because that takes minutes
 */
export async function chooseRuntime(
  wanted: "auto" | "docker" | "process",
  docker: DockerCandidate,
  process: ChaincodeRuntime,
  baseImages: readonly string[],
): Promise<RuntimeChoice> {
  if (wanted === "docker") return { runtime: docker, reason: "Docker, as configured" };
  if (wanted === "process") return { runtime: process, reason: "local processes, as configured" };
  // All at once: this stands before every launch.
  const looks = baseImages.map((image) =>
    docker.hasImage(image).then(
      (present) => present ? undefined : { image },
      (error) => ({ image, failure: messageOf(error) }),
    )
  );
  const check = await docker.check();
  if (!check.ok) return { runtime: process, reason: `local processes: ${check.reason}` };
  for (const lack of await Promise.all(looks)) {
    if (lack === undefined) continue;
    const reason = "failure" in lack
      ? lack.failure
      : `${check.detail} answers but does not have the image ${lack.image}`;
    return { runtime: process, reason: `local processes: ${reason}` };
  }
  return { runtime: docker, reason: `Docker: ${check.detail} answers and has the base images` };
}
