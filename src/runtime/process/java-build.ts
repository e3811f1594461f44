/**
 * Chaincode in Java as a local process: built by Maven or Gradle into one jar, as in the images of
 * fabric-chaincode-java 1.4 (their build.sh and start).
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DenimError } from "../../base/errors.ts";
import { readCodePackage } from "../platforms/code-package.ts";
import type { BuildContext, LaunchCommand, LaunchPlaces } from "./build.ts";
import type { Toolchain } from "./toolchain.ts";
import { unpack } from "./unpack.ts";

/** The jar in a build directory, and what a project has to make. */
const jar = "chaincode.jar";

/**
 * Builds end, and chaincode under development does, before the JVM's second compiler pays off: without
 * it Maven needs half the time, a chaincode 1.6 s of processor to register in place of 2.5 s. More
 * collector threads are for large heaps.
 */
const quickStart = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];

/** Builds `context.directory`/chaincode.jar. @throws DenimError `build-failed`, `toolchain-missing` */
export async function buildJava(context: BuildContext): Promise<void> {
  const { directory } = context;
  javaOf(context.toolchain);
  const entries = readCodePackage(context.chaincode.codePackage);
  const source = join(directory, "src");
  unpack(entries.filter((entry) => /^\/?src\//.test(entry.name)), directory);
  const has = (name: string) => existsSync(join(source, name));
  // Gradle first, where a project has both.
  const made = ["build.gradle", "build.gradle.kts"].some(has)
    ? await runGradle(context, source)
    : has("pom.xml")
    ? await runMaven(context, source)
    : undefined;
  if (made === undefined) {
    throw new DenimError(
      "invalid-code-package",
      "neither pom.xml nor build.gradle is in the chaincode package",
      {},
      "Package the directory that holds pom.xml or build.gradle.",
    );
  }
  if (!existsSync(join(source, made.jar))) {
    throw context.failed(`${made.program} made no ${made.jar}`, made.hint);
  }
  renameSync(join(source, made.jar), join(directory, jar));
  rmSync(source, { recursive: true, force: true });
}

/** What a build has made, or should have. */
interface Made {
  readonly program: string;
  /** Below the project's directory. */
  readonly jar: string;
  /** For those whose project does not make it. */
  readonly hint: string;
}

async function runMaven(context: BuildContext, source: string): Promise<Made> {
  const mvn = found(context.toolchain.mvn, "Maven", "mvn");
  await run(
    context,
    "mvn package",
    mvn,
    ["-B", "-Dstyle.color=never", "-Dmaven.test.skip=true", ...quietDownloads, "package"],
    source,
    { MAVEN_OPTS: withQuickStart(context.environment.MAVEN_OPTS) },
  );
  return {
    program: "mvn package",
    jar: join("target", jar),
    hint:
      "pom.xml must have <finalName>chaincode</finalName>, and maven-shade-plugin to put all dependencies into the jar.",
  };
}

/** One line for each file that comes is too much; `--no-transfer-progress` is not in Maven 3.5. */
const quietDownloads = [
  "-Dorg.slf4j.simpleLogger.log.org.apache.maven.cli.transfer.Slf4jMavenTransferListener=warn",
];

async function runGradle(context: BuildContext, source: string): Promise<Made> {
  const gradle = found(context.toolchain.gradle, "Gradle", "gradle");
  await run(
    context,
    "gradle build shadowJar",
    gradle,
    // A daemon would outlive the build.
    ["--no-daemon", "--console=plain", "build", "shadowJar", "-x", "test"],
    source,
    { GRADLE_OPTS: withQuickStart(context.environment.GRADLE_OPTS) },
  );
  return {
    program: "gradle build shadowJar",
    jar: join("build", "libs", jar),
    hint:
      'build.gradle must have the plugin com.github.johnrengelman.shadow, and shadowJar { archiveName = "chaincode.jar" }.',
  };
}

/** What the user says comes later, and so has the last word. */
function withQuickStart(options: string | undefined): string {
  return `${quickStart.join(" ")} ${options ?? ""}`.trim();
}

async function run(
  context: BuildContext,
  what: string,
  program: string,
  arguments_: readonly string[],
  directory: string,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const failure = await context.run(program, arguments_, directory, environment);
  if (failure === undefined) return;
  throw context.failed(`${what}: ${failure}`, "Correct the sources, and package them again.");
}

function found(program: string | undefined, name: string, command: string): string {
  if (program !== undefined) return program;
  throw new DenimError(
    "toolchain-missing",
    `no ${name} was found to build the chaincode`,
    {},
    `Install ${name} (${command} on PATH) and a JDK, or run the chaincode in Docker.`,
  );
}

function javaOf({ java }: Pick<Toolchain, "java">): string {
  if (java !== undefined) return java;
  throw new DenimError(
    "toolchain-missing",
    "no java was found to run the chaincode",
    {},
    "Install a JDK (java on PATH, or JAVA_HOME), or run the chaincode in Docker.",
  );
}

/** Of the memory limit, Java objects may take this share; the rest is for code, threads and buffers. */
const heapShare = 0.6;

/** The command line of one instance. @throws DenimError `toolchain-missing` */
export function launchJava(
  context: Pick<BuildContext, "directory" | "toolchain">,
  places: LaunchPlaces,
): LaunchCommand {
  const heapMegabytes = Math.floor(places.limits.memoryBytes * heapShare / (1024 * 1024));
  return {
    command: javaOf(context.toolchain),
    arguments: [
      ...(heapMegabytes > 0 ? [`-Xmx${heapMegabytes}m`] : []),
      // A thread that dies of it would leave a chaincode that never answers.
      "-XX:+ExitOnOutOfMemoryError",
      ...quickStart,
      // Java asks neither HOME nor TMPDIR, and would leave files in /tmp.
      "-XX:-UsePerfData",
      `-Duser.home=${places.instance}`,
      `-Djava.io.tmpdir=${places.instance}`,
      ...(places.inspect === undefined
        ? []
        : [`-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=${places.inspect}`]),
      "-jar",
      join(context.directory, jar),
      "--peerAddress",
      places.peerAddress,
    ],
    directory: places.instance,
  };
}
