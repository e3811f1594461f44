/** Images for an engine of a test's own, from the engine that all tests share. */
import { Buffer } from "node:buffer";
import { request as httpRequest } from "node:http";
import { utf8 } from "../../src/base/bytes.ts";
import { withDeadline } from "../../src/base/async.ts";
import type { Dockerode } from "../../src/runtime/docker/dockerode-types.ts";
import { followProgress } from "../../src/runtime/docker/output-stream.ts";
import { writeTar } from "../../src/runtime/platforms/tar.ts";

/** An engine's answer to what takes it long. */
const engineTimeoutMs = 120_000;

/** Copies an image from one engine to another; both at Unix sockets. */
export function copyImage(from: string, to: string, image: string): Promise<void> {
  const place = (endpoint: string) => ({ socketPath: endpoint.replace("unix://", "") });
  const copied = new Promise<void>((resolve, reject) => {
    httpRequest({ ...place(from), path: `/images/${image}/get` }, (archive) => {
      const load = httpRequest({
        ...place(to),
        method: "POST",
        path: "/images/load?quiet=1",
        headers: { "content-type": "application/x-tar" },
      }, (answer) => {
        answer.resume();
        answer.on("end", resolve);
      });
      load.on("error", reject);
      archive.pipe(load);
    }).on("error", reject).end();
  });
  return withDeadline(copied, engineTimeoutMs, `copying ${image}`);
}

/**
 * A builder made of the runtime image, which has npm too; only the builder's directories are missing.
 * @returns the image's name
 */
export async function makeBuilder(docker: Dockerode, from: string): Promise<string> {
  const dockerfile =
    `FROM ${from}\nWORKDIR /chaincode/input\nWORKDIR /chaincode/output\nWORKDIR /\n`;
  const context = writeTar([{ name: "Dockerfile", content: utf8(dockerfile) }]);
  const image = "builder";
  const progress = await docker.buildImage(Buffer.from(context), { t: image, forcerm: true });
  await followProgress(progress, () => {});
  return image;
}
