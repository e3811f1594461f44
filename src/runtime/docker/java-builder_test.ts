import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { rootCertificates } from "node:tls";
import { withDirectory } from "../../../tests/support/runtime.ts";
import { utf8 } from "../../base/bytes.ts";
import { findProgram } from "../process/toolchain.ts";
import { beforeJavaBuild, javaOptions } from "./java-builder.ts";
import { javaTrustStore, trustStorePassword } from "./java-trust-store.ts";

const keytool = findProgram("keytool", Deno.env.get("PATH"));

Deno.test("proxies become properties of the JVM", () => {
  assert.equal(javaOptions({}), "-XX:TieredStopAtLevel=1");
  assert.equal(
    javaOptions({
      http_proxy: "proxy:3128",
      https_proxy: "https://me:p%40ss@secure.example.org",
      no_proxy: "localhost, .example.org,10.0.0.1",
    }),
    "-XX:TieredStopAtLevel=1 -Dhttp.proxyHost=proxy -Dhttp.proxyPort=3128 " +
      "-Dhttps.proxyHost=secure.example.org -Dhttps.proxyPort=443 " +
      "-Dhttps.proxyUser=me -Dhttps.proxyPassword=p@ss " +
      "-Dhttp.nonProxyHosts=localhost|*.example.org|10.0.0.1",
  );
  assert.equal(javaOptions({ http_proxy: "http://:" }), "-XX:TieredStopAtLevel=1");
});

/** Runs the commands with the image's home in a directory; gives what the build then finds. */
function run(directory: string, cache: string | undefined, variables: Record<string, string>) {
  const before = beforeJavaBuild({ cache, additionalRoots: undefined }).replaceAll(
    "/root/",
    `${directory}/root/`,
  );
  const { success, stdout, stderr } = new Deno.Command("/bin/sh", {
    args: ["-c", `${before}echo "$MAVEN_OPTS|$GRADLE_OPTS|\${GRADLE_USER_HOME:-}"`],
    env: { PATH: Deno.env.get("PATH") ?? "", DENIM_JAVA_OPTIONS: "-Dx", ...variables },
    clearEnv: true,
  }).outputSync();
  const words = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  assert.equal(words(stderr), "");
  assert(success);
  return words(stdout);
}

Deno.test("what the image has of repositories comes into the cache once, and its options stay", async () => {
  await withDirectory((directory) => {
    const cache = join(directory, "cache");
    mkdirSync(join(directory, "root/.m2/repository/org/x"), { recursive: true });
    mkdirSync(cache);
    const ofImage = join(directory, "root/.m2/repository/org/x/x.jar");
    writeFileSync(ofImage, "1");
    assert.equal(
      run(directory, cache, { MAVEN_OPTS: "-Xmx1g" }),
      `-Dmaven.repo.local=${cache}/maven -Dx -Xmx1g|-Dx |${cache}/gradle`,
    );
    const cached = join(cache, "maven/org/x/x.jar");
    assert.equal(readFileSync(cached, "utf8"), "1");
    writeFileSync(ofImage, "2");
    run(directory, cache, {});
    assert.equal(readFileSync(cached, "utf8"), "1");
    assert(!existsSync(join(cache, "copying")));
    assert.equal(run(directory, undefined, {}), "-Dx |-Dx |");
    return Promise.resolve();
  });
});

Deno.test({
  name: "additional roots of trust come among those that the image's Java has",
  ignore: keytool === undefined,
  fn: () =>
    withDirectory((directory) => {
      const [own, ...added] = rootCertificates.slice(0, 3).map((pem) => utf8(`${pem}\n`));
      const roots = join(directory, "roots.jks");
      writeFileSync(roots, javaTrustStore(...added, own) ?? "");
      // Where Java 8 has them.
      const store = join(directory, "jre/lib/security/cacerts");
      mkdirSync(dirname(store), { recursive: true });
      writeFileSync(store, javaTrustStore(own) ?? "");
      const { stderr } = new Deno.Command("/bin/sh", {
        args: ["-c", beforeJavaBuild({ cache: undefined, additionalRoots: roots })],
        env: { JAVA_HOME: directory },
      }).outputSync();
      assert.equal(new TextDecoder().decode(stderr), "");
      const args = ["-list", "-keystore", store, "-storepass", trustStorePassword];
      const { stdout } = new Deno.Command(keytool ?? "", { args }).outputSync();
      assert.match(new TextDecoder().decode(stdout), /contains 3 entries/);
      return Promise.resolve();
    }),
});
