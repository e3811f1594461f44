/**
 * A chaincode's image: a builder container makes the program, a Dockerfile puts it on the runtime
 * image. Mirrors core/chaincode/platforms/util DockerBuild and deployImage of the Docker controller.
 */
import { Buffer } from "node:buffer";
import { withDeadline } from "../../base/async.ts";
import { sleep } from "../../base/async.ts";
import { utf8 } from "../../base/bytes.ts";
import { DenimError } from "../../base/errors.ts";
import { buildFailed } from "../build-error.ts";
import type { OutputLog } from "../output.ts";
import { generateDockerfile, labelInstruction, platformOf } from "../platforms/platforms.ts";
import { isWholeTar, writeTar } from "../platforms/tar.ts";
import type { BuilderJob, PlatformSettings } from "../platforms/types.ts";
import { throwIfAborted } from "../single-flight.ts";
import type { ChaincodeToRun, LaunchObserver } from "../types.ts";
import type { BuilderSurroundings } from "./builder-surroundings.ts";
import { containerEnd } from "./container-end.ts";
import type { RegistryCredentials } from "./docker-config.ts";
import type { Dockerode, DockerodeContainer } from "./dockerode-types.ts";
import { apiError, engineMessage, statusOf } from "./engine-error.ts";
import { followFrames, followProgress, readAll } from "./output-stream.ts";

/** A build may make so much; a JavaScript chaincode with its modules has some 30 MB. */
export const maxBuildOutputBytes = 1024 * 1024 * 1024;

/** After a builder has ended, its output has so long to arrive. */
const logDrainMs = 2_000;

/** So often, and with such pauses, the output of a builder is asked for until it is whole. */
const maxOutputAttempts = 10;
const outputPauseMs = 300;

/** Create, upload or start of a container may take so long; a busy engine needs seconds. */
export const containerStepTimeoutMs = 60_000;

/** An engine that does not answer must not hold up those who wait for the next attempt. */
export const removeTimeoutMs = 60_000;

/** One build step (builder container, image build, pull) may take so long. */
export const buildStepTimeoutMs = 10 * 60_000;

export interface ImageBuild {
  readonly docker: Dockerode;
  readonly chaincode: ChaincodeToRun;
  readonly image: string;
  readonly settings: PlatformSettings;
  /** Added to the image. */
  readonly labels: Readonly<Record<string, string>>;
  /** The one of the labels that tells what was built: images that have it hold the same program. */
  readonly buildLabel: readonly [name: string, value: string];
  /** Added to the builder container, so that one left by a killed peer is found. */
  readonly containerLabels: Readonly<Record<string, string>>;
  /**
   * HostConfig of the builder container: limits, and a network, so that package managers reach their
   * registries.
   */
  readonly hostConfig: Readonly<Record<string, unknown>>;
  readonly surroundings: BuilderSurroundings;
  /** Credentials for the registry of an image. */
  credentials(image: string): Promise<RegistryCredentials | undefined>;
  /** Removes the builder container, sooner or later. Never throws. */
  removeBuilder(container: DockerodeContainer): Promise<void>;
  readonly observer: LaunchObserver;
  readonly output: OutputLog;
}

/** Builds the image. @throws DenimError `build-failed` */
export async function buildImage(build: ImageBuild, signal: AbortSignal): Promise<void> {
  const { chaincode, settings, observer } = build;
  const platform = platformOf(chaincode.type);
  const job = platform.builderJob(chaincode.path, chaincode.codePackage, settings);
  const limited = AbortSignal.any([signal, AbortSignal.timeout(buildStepTimeoutMs)]);
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    observer.step(name, "begin");
    try {
      const result = await work();
      observer.step(name, "end");
      return result;
    } catch (error) {
      const said = engineMessage(error);
      observer.step(name, "failed", { error: said });
      throwIfAborted(signal);
      if (error instanceof DenimError && error.code === "build-failed") throw error;
      throw buildFailed(chaincode, `${name}: ${said}`, build.output, imageHint, error);
    }
  };
  const { name, version } = chaincode;
  // Its own name makes an image of equal content another image: removing the one leaves the other.
  const labels = { ...build.labels, "org.denim.image": build.image };
  const twin = await findTwin(build);
  if (twin !== undefined) {
    // All labels in one instruction: each instruction is a container of its own to the engine.
    const relabelled = `FROM ${twin}\n${labelInstruction(platform, name, version, labels)}`;
    await step("image", () => deployImage(build, relabelled, undefined, limited));
    return;
  }
  const binpackage = await step("build", () => runBuilder(build, job, limited));
  const dockerfile = generateDockerfile(platform, name, version, settings, labels);
  await step("image", () => deployImage(build, dockerfile, binpackage, limited));
}

/**
 * The program of the same build under another name: only labels have to be put on top. Not that
 * image itself: who removes the images of a network one by one, without force, must not meet one
 * that another was made from.
 */
async function findTwin({ docker, buildLabel }: ImageBuild): Promise<string | undefined> {
  const filters = JSON.stringify({ label: [buildLabel.join("=")] });
  const abortSignal = AbortSignal.timeout(containerStepTimeoutMs);
  const [twin] = await docker.listImages({ filters, abortSignal });
  if (twin === undefined) return undefined;
  const history = docker.getImage(twin.Id).history();
  const layers = await withDeadline(history, containerStepTimeoutMs, `history of ${twin.Id}`);
  // Newest first; labels have no size. Engines that name no layers do not tie images together either.
  const program = layers.find(({ Size }) => Size > 0)?.Id ?? "<missing>";
  if (program === "<missing>") return twin.Id;
  // To Podman the program's own layer may have no size either: then this is the base image.
  const contents = [program, twin.Id].map(async (id) => {
    const { RootFS } = await docker.getImage(id).inspect({ abortSignal });
    return JSON.stringify(RootFS?.Layers ?? id);
  });
  const [ofProgram, ofTwin] = await Promise.all(contents);
  return ofProgram === ofTwin ? program : twin.Id;
}

const imageHint =
  "The base images are named by chaincode.builder and chaincode.*.runtime in core.yaml; the engine must have them or be able to pull them.";

/** Runs the builder container. @returns the tar of its output directory */
async function runBuilder(
  build: ImageBuild,
  job: BuilderJob,
  abortSignal: AbortSignal,
): Promise<Uint8Array> {
  const { docker, output, chaincode, surroundings } = build;
  await ensureBaseImage(build, job.image, abortSignal);
  // Not given up halfway: a container whose id we did not hear could not be removed.
  const container = await docker.createContainer({
    Image: job.image,
    Cmd: ["/bin/sh", "-c", surroundings.before + job.command],
    AttachStdout: true,
    AttachStderr: true,
    Env: surroundings.environment,
    Labels: { ...build.labels, ...build.containerLabels },
    HostConfig: { ...build.hostConfig, Binds: surroundings.binds },
    abortSignal: AbortSignal.timeout(containerStepTimeoutMs),
  });
  try {
    await container.putArchive(Buffer.from(job.input), {
      path: "/chaincode/input",
      abortSignal,
    });
    if (surroundings.files.length > 0) {
      const files = Buffer.from(writeTar(surroundings.files));
      await container.putArchive(files, { path: "/", abortSignal });
    }
    await container.start({ abortSignal });
    const logs = followLogs(container, output, abortSignal);
    const ended = containerEnd(container, logs.catch(() => {}), abortSignal);
    // Output that breaks off costs only output; one that is refused means that the engine is not well.
    const code = await Promise.race([ended, logs.then(() => ended)]);
    abortSignal.throwIfAborted();
    await settled(logs, logDrainMs);
    if (code !== 0) {
      throw buildFailed(
        chaincode,
        `the builder ended with exit code ${code}`,
        output,
        "Correct the sources, and package them again.",
      );
    }
    return await fetchOutput(container, abortSignal);
  } finally {
    await build.removeBuilder(container);
  }
}

/**
 * The builder's output directory. Podman, which unmounts an ended container in its own time, may find
 * nothing there in that moment, and answers with nothing at all.
 * @throws DenimError `docker-failed` where it stays so
 */
async function fetchOutput(
  container: DockerodeContainer,
  abortSignal: AbortSignal,
): Promise<Uint8Array> {
  for (let attempt = 1; attempt <= maxOutputAttempts; attempt++) {
    const archive = await container.getArchive({ path: "/chaincode/output/.", abortSignal });
    const output = await readAll(archive, maxBuildOutputBytes);
    if (isWholeTar(output)) return output;
    await sleep(outputPauseMs, abortSignal);
    throwIfAborted(abortSignal);
  }
  throw new DenimError(
    "docker-failed",
    `the engine gave no whole archive of the builder's output, asked ${maxOutputAttempts} times`,
  );
}

/** Waits for an end, whatever it is, but not longer than that. */
async function settled(work: Promise<void>, timeoutMs: number): Promise<void> {
  const over = new AbortController();
  await Promise.race([work.catch(() => {}), sleep(timeoutMs, over.signal)]);
  over.abort();
}

async function followLogs(
  container: DockerodeContainer,
  output: OutputLog,
  abortSignal: AbortSignal,
): Promise<void> {
  const stream = await container.logs({ follow: true, stdout: true, stderr: true, abortSignal });
  await followFrames(stream, (_stream, text) => output.add("build", text));
}

/** Pulls a base image that the engine does not have. */
async function ensureBaseImage(
  build: ImageBuild,
  image: string,
  abortSignal: AbortSignal,
): Promise<void> {
  const { docker, settings, output } = build;
  if (!settings.pull) {
    try {
      await docker.getImage(image).inspect({ abortSignal });
      return;
    } catch (error) {
      if (statusOf(error) !== 404) throw apiError(`image ${image}`, error);
    }
  }
  build.observer.step("pull", "begin", { image });
  try {
    const name = /[:@][^/]+$/.test(image) ? image : `${image}:latest`;
    output.add("build", `pulling ${name}`);
    await followProgress(
      await docker.pull(name, { authconfig: await build.credentials(image), abortSignal }),
      (text) => output.add("build", text),
    );
    build.observer.step("pull", "end");
  } catch (error) {
    build.observer.step("pull", "failed", { image, error: engineMessage(error) });
    throw apiError(`Failed to pull ${image}`, error);
  }
}

async function deployImage(
  build: ImageBuild,
  dockerfile: string,
  binpackage: Uint8Array | undefined,
  abortSignal: AbortSignal,
): Promise<void> {
  const context = writeTar([
    { name: "Dockerfile", content: utf8(dockerfile) },
    ...(binpackage === undefined ? [] : [{ name: "binpackage.tar", content: binpackage }]),
  ]);
  const [, from] = /^FROM (\S+)/.exec(dockerfile) ?? [];
  // The engine would pull it within the build, but tell neither its progress nor what is wrong with it.
  if (binpackage !== undefined && from !== undefined) {
    await ensureBaseImage(build, from, abortSignal);
  }
  const progress = await build.docker.buildImage(Buffer.from(context), {
    t: build.image,
    forcerm: true,
    abortSignal,
  });
  await followProgress(progress, (text) => build.output.add("build", text));
}

/**
 * Removes a container whatever its state; one that has gone, or is going, is fine.
 * @throws DenimError `docker-failed`, also when the signal aborts
 */
export async function removeContainer(
  container: DockerodeContainer,
  signal?: AbortSignal,
): Promise<void> {
  try {
    const deadline = AbortSignal.timeout(removeTimeoutMs);
    const abortSignal = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
    await container.remove({ force: true, v: true, abortSignal });
  } catch (error) {
    const status = statusOf(error);
    if (status !== 404 && status !== 409) throw apiError("remove container", error);
  }
}
