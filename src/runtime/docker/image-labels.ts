/** What an image says of itself. */
import type { Dockerode } from "./dockerode-types.ts";
import { apiError, statusOf } from "./engine-error.ts";
import { containerStepTimeoutMs } from "./image-build.ts";

/** Labels of an image, or undefined when the engine does not have it. @throws DenimError `docker-failed` */
export async function imageLabels(
  docker: Dockerode,
  image: string,
  signal?: AbortSignal,
): Promise<Readonly<Record<string, string>> | undefined> {
  const deadline = AbortSignal.timeout(containerStepTimeoutMs);
  const abortSignal = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
  try {
    return (await docker.getImage(image).inspect({ abortSignal })).Config.Labels ?? {};
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw apiError(`image ${image}`, error);
  }
}
