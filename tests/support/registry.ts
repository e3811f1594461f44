/** An image registry with one image of one file, behind a password: as much of the protocol as a pull needs. */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { gzipSync } from "node:zlib";
import { utf8 } from "../../src/base/bytes.ts";
import { writeTar } from "../../src/runtime/platforms/tar.ts";

export interface RegistryForTests {
  /** `127.0.0.1:port`; engines speak plain HTTP with registries on loopback. */
  readonly address: string;
  /** Names the image. */
  readonly image: string;
  /** Who asked, `user:password`, or "" for nobody; each one once. */
  readonly askedBy: Set<string>;
  close(): Promise<void>;
}

const architectures: Readonly<Record<string, string>> = { x86_64: "amd64", aarch64: "arm64" };

function digest(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** @param allowed `user:password` that may pull */
export async function startRegistry(allowed: string): Promise<RegistryForTests> {
  const files = writeTar([{ name: "denim-test", content: utf8(String(Date.now())) }]);
  const layer = new Uint8Array(gzipSync(files));
  const config = utf8(JSON.stringify({
    architecture: architectures[Deno.build.arch],
    os: "linux",
    config: { Cmd: ["/denim-test"] },
    rootfs: { type: "layers", diff_ids: [digest(files)] },
  }));
  const type = "application/vnd.docker";
  const manifest = utf8(JSON.stringify({
    schemaVersion: 2,
    mediaType: `${type}.distribution.manifest.v2+json`,
    config: {
      mediaType: `${type}.container.image.v1+json`,
      size: config.length,
      digest: digest(config),
    },
    layers: [{
      mediaType: `${type}.image.rootfs.diff.tar.gzip`,
      size: layer.length,
      digest: digest(layer),
    }],
  }));
  const blobs = new Map([config, layer].map((bytes) => [digest(bytes), bytes]));
  const askedBy = new Set<string>();
  const server = createServer((request, response) => {
    const [, basic] = /^Basic (.*)$/.exec(request.headers.authorization ?? "") ?? [];
    const user = basic === undefined ? "" : atob(basic);
    askedBy.add(user);
    const send = (bytes: Uint8Array, kind: string) =>
      response.writeHead(200, {
        "content-type": kind,
        "content-length": bytes.length,
        "docker-content-digest": digest(bytes),
      }).end(request.method === "HEAD" ? undefined : bytes);
    const refuse = (status: number, code: string, message: string) =>
      response.writeHead(status, {
        "content-type": "application/json",
        ...(status === 401 ? { "www-authenticate": 'Basic realm="denim"' } : {}),
      }).end(JSON.stringify({ errors: [{ code, message }] }));
    const url = request.url ?? "";
    const blob = blobs.get(/\/blobs\/(.*)$/.exec(url)?.[1] ?? "");
    if (user !== allowed) {
      refuse(401, "UNAUTHORIZED", "authentication required");
    } else if (url === "/v2/") response.writeHead(200).end("{}");
    else if (/^\/v2\/denim\/base\/manifests\//.test(url)) {
      send(manifest, `${type}.distribution.manifest.v2+json`);
    } else if (blob !== undefined) send(blob, "application/octet-stream");
    else refuse(404, "MANIFEST_UNKNOWN", "manifest unknown");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const place = server.address();
  if (place === null || typeof place === "string") throw new Error("no port");
  const address = `127.0.0.1:${place.port}`;
  return {
    address,
    image: `${address}/denim/base:1`,
    askedBy,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
