/** A registry behind TLS with one npm package and one Go module, both with one word in them. */
import { createHash } from "node:crypto";
import { createServer } from "node:https";
import { gzipSync } from "node:zlib";
import { utf8 } from "../../src/base/bytes.ts";
import { writeTar } from "../../src/runtime/platforms/tar.ts";
import { storedZip } from "./stored-zip.ts";

/** What the registry calls itself; no name server knows it. */
export const registryHost = "packages.denim.test";
/** The npm package, version 1.0.0; it exports the word. */
export const npmPackage = "denim-test-words";
/** The Go module, version 1.0.0; its constant Word is the word. */
export const goModule = "ex.org/words";

export interface PackageRegistry {
  readonly port: number;
  /** go.sum for who requires the module. */
  readonly goSum: string;
  close(): Promise<void>;
}

const sha256 = (content: Uint8Array, encoding: "hex" | "base64") =>
  createHash("sha256").update(content).digest(encoding);

/** Go's hash of some files: of the list of their hashes, by name. */
function goHash(files: Readonly<Record<string, Uint8Array>>): string {
  const lines = Object.keys(files).sort().map((name) => `${sha256(files[name], "hex")}  ${name}\n`);
  return `h1:${sha256(utf8(lines.join("")), "base64")}`;
}

/** @param tls certificate and key for `registryHost` */
export async function startPackageRegistry(
  word: string,
  tls: { readonly certPem: string; readonly keyPem: string },
): Promise<PackageRegistry> {
  const manifest = { name: npmPackage, version: "1.0.0", main: "index.js" };
  const tarball = new Uint8Array(gzipSync(writeTar([
    { name: "package/package.json", content: utf8(JSON.stringify(manifest)) },
    { name: "package/index.js", content: utf8(`module.exports = ${JSON.stringify(word)};`) },
  ])));
  const tarballPath = `/${npmPackage}/-/${npmPackage}-1.0.0.tgz`;
  const dist = {
    tarball: `https://${registryHost}${tarballPath}`,
    integrity: `sha512-${createHash("sha512").update(tarball).digest("base64")}`,
  };
  const metadata = {
    name: npmPackage,
    "dist-tags": { latest: "1.0.0" },
    versions: { "1.0.0": { ...manifest, dist } },
  };
  const goMod = utf8(`module ${goModule}\n\ngo 1.17\n`);
  const files = {
    [`${goModule}@v1.0.0/go.mod`]: goMod,
    [`${goModule}@v1.0.0/words.go`]: utf8(
      `package words\n\nconst Word = ${JSON.stringify(word)}\n`,
    ),
  };
  const goPlace = `/${goModule}/@v/v1.0.0`;
  const answers: Readonly<Record<string, Uint8Array>> = {
    [`/${npmPackage}`]: utf8(JSON.stringify(metadata)),
    [tarballPath]: tarball,
    [`${goPlace}.info`]: utf8('{"Version":"v1.0.0","Time":"2020-01-01T00:00:00Z"}'),
    [`${goPlace}.mod`]: goMod,
    [`${goPlace}.zip`]: storedZip(files),
  };
  const server = createServer({ cert: tls.certPem, key: tls.keyPem }, (request, response) => {
    const answer = answers[request.url ?? ""];
    if (answer === undefined) response.writeHead(404).end();
    else response.writeHead(200, { "content-length": answer.length }).end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const place = server.address();
  if (place === null || typeof place === "string") throw new Error("no port");
  return {
    port: place.port,
    goSum: `${goModule} v1.0.0 ${goHash(files)}\n` +
      `${goModule} v1.0.0/go.mod ${goHash({ "go.mod": goMod })}\n`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
