/** The two requests to the Docker engine that images need: import a root file system, look at an image. */
import http from "node:http";
import https from "node:https";
import type { Readable } from "node:stream";

/** An import of some hundred megabytes takes seconds; a build step on top too. */
const requestTimeoutMs = 5 * 60_000;

/** One request to the engine at `endpoint` (`unix://` or `tcp://`); resolves with status and body. */
export function engineRequest(
  endpoint: string,
  method: string,
  path: string,
  body?: Readable,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const url = endpoint.startsWith("unix://")
      ? undefined
      : new URL(endpoint.replace(/^tcp:/, "http:"));
    const request = (url?.protocol === "https:" ? https : http).request({
      ...(url === undefined
        ? { socketPath: endpoint.slice("unix://".length) }
        : { host: url.hostname, port: url.port }),
      method,
      path,
      headers: body === undefined ? {} : { "content-type": "application/x-tar" },
      timeout: requestTimeoutMs,
    }, (response) => {
      const parts: string[] = [];
      response.setEncoding("utf8");
      response.on("data", (part: string) => parts.push(part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: parts.join("") }));
      response.on("error", reject);
    });
    request.on("timeout", () => request.destroy(new Error(`no answer to ${method} ${path}`)));
    request.on("error", reject);
    if (body === undefined) request.end();
    else body.pipe(request);
  });
}

/** Label of an image, or undefined when there is no such image or label. */
export async function imageLabel(
  endpoint: string,
  image: string,
  label: string,
): Promise<string | undefined> {
  const { status, text } = await engineRequest(
    endpoint,
    "GET",
    `/images/${encodeURIComponent(image)}/json`,
  );
  if (status !== 200) return undefined;
  const parsed: { Config?: { Labels?: Record<string, string> | null } } = JSON.parse(text);
  return parsed.Config?.Labels?.[label];
}

/** @throws Error with the engine's words */
export function checkEngine(what: string, result: { status: number; text: string }): void {
  const failure = /"error":\s*"((?:[^"\\]|\\.)*)"/.exec(result.text)?.[1];
  if (result.status !== 200 || failure !== undefined) {
    throw new Error(
      `${what}: ${failure ?? `status ${result.status} ${result.text.slice(0, 300)}`}`,
    );
  }
}
