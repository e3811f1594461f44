/**
 * What a build with Maven or Gradle is told in a container. Neither reads HTTP_PROXY or SSL_CERT_FILE,
 * and both keep what they download where images bring some of it too.
 */
import { trustStorePassword } from "./java-trust-store.ts";

/** Which variable carries `javaOptions` into the container. */
export const javaOptionsVariable = "DENIM_JAVA_OPTIONS";

/** While one build copies, another waits at most so many seconds; a killed one may have left the lock. */
const lockWaitSeconds = 60;

export interface BeforeJavaBuild {
  /** Where the cache volume is mounted; undefined where there is none. */
  readonly cache: string | undefined;
  /** A key store with certificates to trust besides those of the image. */
  readonly additionalRoots: string | undefined;
}

/**
 * Shell commands that run before the build: what the image brings of repositories goes into the cache
 * first, since the tools look in one place only, and what the image says in MAVEN_OPTS and
 * GRADLE_OPTS stays and has the last word.
 */
export function beforeJavaBuild({ cache: cachePlace, additionalRoots }: BeforeJavaBuild): string {
  const trust = additionalRoots === undefined ? "" : `${addRoots(additionalRoots)}; `;
  const options = (tool: string, cache: string) =>
    `export ${tool}_OPTS="${cache}$${javaOptionsVariable} \${${tool}_OPTS:-}"`;
  if (cachePlace === undefined) {
    return `${trust}${options("MAVEN", "")}; ${options("GRADLE", "")}; `;
  }
  const lock = `${cachePlace}/copying`;
  const copy = (from: string, to: string) =>
    `{ ! test -d ${from} || { mkdir -p ${to} && cp -Rn ${from}/. ${to}; } >/dev/null 2>&1; }`;
  return trust + [
    `n=0; until mkdir ${lock} 2>/dev/null || [ $n -ge ${lockWaitSeconds} ]; do n=$((n+1)); sleep 1; done`,
    copy("/root/.m2/repository", `${cachePlace}/maven`),
    copy("/root/.gradle", `${cachePlace}/gradle`),
    `rmdir ${lock} 2>/dev/null`,
    options("MAVEN", `-Dmaven.repo.local=${cachePlace}/maven `),
    options("GRADLE", ""),
    `export GRADLE_USER_HOME=${cachePlace}/gradle`,
    "",
  ].join("; ");
}

/** Puts the certificates of a key store among the image's own, wherever its Java has these. */
function addRoots(store: string): string {
  const home = '${JAVA_HOME:-$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")}';
  const into = `-destkeystore "$f" -deststorepass ${trustStorePassword}`;
  return `for f in "${home}/lib/security/cacerts" "${home}/jre/lib/security/cacerts"; do ` +
    `! test -e "$f" || keytool -importkeystore -noprompt -srckeystore ${store} ` +
    `-srcstorepass ${trustStorePassword} ${into} 2>&1 | grep -v ' successfully imported'; done`;
}

/**
 * Options for the JVM of a build.
 * @param variables proxies
 * @param trustStore a key store in place of the image's own
 */
export function javaOptions(
  variables: Readonly<Record<string, string>>,
  trustStore?: string,
): string {
  // A build ends before the second compiler pays off.
  const options = ["-XX:TieredStopAtLevel=1"];
  if (trustStore !== undefined) {
    options.push(
      `-Djavax.net.ssl.trustStore=${trustStore}`,
      `-Djavax.net.ssl.trustStorePassword=${trustStorePassword}`,
      "-Djavax.net.ssl.trustStoreType=JKS",
    );
  }
  for (const protocol of ["http", "https"]) {
    const proxy = proxyOf(variables[`${protocol}_proxy`]);
    if (proxy === undefined) continue;
    const { hostname, port, username, password } = proxy;
    options.push(
      `-D${protocol}.proxyHost=${hostname}`,
      `-D${protocol}.proxyPort=${port || (proxy.protocol === "https:" ? 443 : 80)}`,
    );
    if (username !== "") {
      options.push(
        `-D${protocol}.proxyUser=${decodeURIComponent(username)}`,
        `-D${protocol}.proxyPassword=${decodeURIComponent(password)}`,
      );
    }
  }
  const direct = (variables.no_proxy ?? "").split(",").map((name) => name.trim())
    .filter((name) => name !== "").map((name) => name.replace(/^\.(?=.)/, "*."));
  // Networks (10.0.0.0/8) are not understood there, and harmless.
  if (direct.length > 0) options.push(`-Dhttp.nonProxyHosts=${direct.join("|")}`);
  return options.join(" ");
}

function proxyOf(value: string | undefined): URL | undefined {
  if (!value) return undefined;
  try {
    return new URL(/^\w+:\/\//.test(value) ? value : `http://${value}`);
  } catch {
    return undefined; // As with other tools, which complain themselves.
  }
}
