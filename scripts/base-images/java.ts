/** What a builder and runtime image for Java holds: this machine's JDK and Maven, our scripts. */
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { aptInstall, hasApt } from "../apt.ts";
import { messageOf } from "../../src/base/errors.ts";
import { javaTrustStore, trustStorePassword } from "../../src/runtime/docker/java-trust-store.ts";
import { findProgram } from "../../src/runtime/process/toolchain.ts";
import type { Staging } from "./staging.ts";

const ours = new URL("javaenv", import.meta.url).pathname;
const example = new URL("../../examples/asset-java", import.meta.url).pathname;

/** Where Fabric's peer looks for things in the image. */
const place = "/root/chaincode-java";

export interface JavaTools {
  /** Of a JDK. */
  readonly javaHome: string;
  readonly mvn: string;
}

/** The machine's, installed with apt where that is possible. @returns undefined where there are none */
export async function ensureJava(log: (message: string) => void): Promise<JavaTools | undefined> {
  const found = findJava();
  if (found !== undefined || !hasApt()) return found;
  log("installing a JDK and Maven with apt");
  const failure = await aptInstall("default-jdk-headless", "maven");
  if (failure !== undefined) log(failure);
  const installed = findJava();
  if (installed !== undefined) trustMachineRoots(installed);
  return installed;
}

/** A JDK that we installed trusts what the machine's environment tells other programs to trust. */
function trustMachineRoots({ javaHome }: JavaTools): void {
  const named = [Deno.env.get("SSL_CERT_FILE"), Deno.env.get("NODE_EXTRA_CA_CERTS")]
    .filter((path): path is string => path !== undefined && existsSync(path));
  const store = javaTrustStore(...named.map((path) => readFileSync(path)));
  if (store === undefined) return;
  const directory = mkdtempSync(join(tmpdir(), "denim-java-"));
  try {
    const from = join(directory, "roots.jks");
    writeFileSync(from, store);
    run(
      directory,
      join(javaHome, "bin", "keytool"),
      ...[
        "-importkeystore",
        "-noprompt",
        "-srckeystore",
        from,
        "-srcstorepass",
        trustStorePassword,
      ],
      ...["-destkeystore", join(javaHome, "lib/security/cacerts")],
      ...["-deststorepass", trustStorePassword],
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function findJava(): JavaTools | undefined {
  const path = Deno.env.get("PATH");
  const javac = findProgram("javac", path);
  const mvn = findProgram("mvn", path);
  if (javac === undefined || mvn === undefined) return undefined;
  return { javaHome: dirname(dirname(realpathSync(javac))), mvn };
}

/** Changes with everything that goes into the image but the tools' own files. */
export function javaKey({ javaHome, mvn }: JavaTools): string {
  const hash = createHash("sha256").update(readFileSync(join(javaHome, "release")));
  hash.update(realpathSync(mvn));
  for (const name of readdirSync(ours).sort()) hash.update(readFileSync(join(ours, name)));
  return hash.update(readFileSync(join(example, "pom.xml"))).digest("hex");
}

/** Puts all of it in place. @returns the image's settings */
export function addJava(
  staging: Staging,
  tools: JavaTools,
  log: (message: string) => void,
): string[] {
  const { javaHome, mvn } = tools;
  const unneeded = /\/(jmods|man|docs|demo|legal|include)$|\/src\.zip$|\/lib\/libatk-wrapper\.so$/;
  staging.tree(javaHome, (path) => unneeded.test(path));
  for (const name of ["java", "javac", "jar"]) staging.program(join(javaHome, "bin", name));
  for (const directory of ["lib", "lib/server"].map((name) => join(javaHome, name))) {
    // Those for windows and sound want half a desktop.
    const libraries = /^lib(jvm|jli|java|net|nio|zip|jimage|verify|instrument|management.*)\.so$/;
    for (const name of readdirSync(directory).filter((name) => libraries.test(name))) {
      staging.program(join(directory, name));
    }
  }
  staging.add(mvn);
  staging.tree(dirname(dirname(realpathSync(mvn))), (path) => path.endsWith("/man"));
  staging.programs(["expr", "mktemp"]);
  for (const name of ["build.sh", "start"]) {
    staging.file(`${place}/${name}`, readFileSync(join(ours, name), "utf8"), 0o755);
  }
  staging.directory(`${place}/chaincode`);
  addMavenSettings(staging);
  addRepository(staging, mvn, log);
  addChaintool(staging, javaHome);
  return [
    `ENV JAVA_HOME=${javaHome}`,
    `ENV PATH=${javaHome}/bin:${dirname(mvn)}:$PATH`,
    `WORKDIR ${place}`,
  ];
}

/** How Maven reaches its repositories here; what could be a secret stays on the host. */
function addMavenSettings(staging: Staging): void {
  const path = join(homedir(), ".m2", "settings.xml");
  if (!existsSync(path)) return;
  const settings = readFileSync(path, "utf8");
  if (/<(server|password|passphrase|privateKey|username)\b|:\/\/[^/\s<]*@/.test(settings)) return;
  staging.file("/root/.m2/settings.xml", settings);
}

/**
 * What the example needs to be built is in the image, as in Fabric's. Without, builds get it
 * themselves: a repository that does not answer is no reason to have no image.
 */
function addRepository(staging: Staging, mvn: string, log: (message: string) => void): void {
  const project = mkdtempSync(join(tmpdir(), "denim-java-"));
  const repository = join(staging.root, "root/.m2/repository");
  try {
    cpSync(example, project, { recursive: true });
    run(project, mvn, "-q", "-B", `-Dmaven.repo.local=${repository}`, "package");
  } catch (error) {
    rmSync(repository, { recursive: true, force: true });
    log(`the image for Java has no repository: ${messageOf(error)}`);
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}

function addChaintool(staging: Staging, javaHome: string): void {
  const classes = mkdtempSync(join(tmpdir(), "denim-java-"));
  const directory = join(staging.root, "usr/local/bin");
  mkdirSync(directory, { recursive: true });
  const bin = (name: string) => join(javaHome, "bin", name);
  try {
    run(ours, bin("javac"), "-d", classes, "Chaintool.java");
    run(classes, bin("jar"), "-cfe", join(directory, "chaintool"), "Chaintool", ".");
  } finally {
    rmSync(classes, { recursive: true, force: true });
  }
}

/** @throws Error with the program's words */
function run(directory: string, program: string, ...args: string[]): void {
  const { success, stdout, stderr } = new Deno.Command(program, {
    args,
    cwd: directory,
    stdin: "null",
  }).outputSync();
  if (success) return;
  const decoder = new TextDecoder();
  throw new Error(`${program}: ${decoder.decode(stdout)}${decoder.decode(stderr)}`.slice(-2_000));
}
