import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { followProgress } from "./output-stream.ts";

async function linesOf(...messages: unknown[]): Promise<string[]> {
  const lines: string[] = [];
  const text = messages.map((message) => `${JSON.stringify(message)}\r\n`).join("");
  await followProgress(
    Readable.from([text].map((part) => new TextEncoder().encode(part))),
    (line) => lines.push(line),
  );
  return lines;
}

Deno.test("of a pull each layer's changes are told, its progress in coarse steps", async () => {
  const status = (status: string, current?: number) => ({
    id: "5a7d",
    status,
    progressDetail: current === undefined ? {} : { current, total: 100 * 1024 },
  });
  const downloading = Array.from({ length: 100 }, (_, i) => status("Downloading", i * 1024));
  assert.deepEqual(
    await linesOf(
      { id: "latest", status: "Pulling from a/b" },
      status("Pulling fs layer"),
      ...downloading,
      status("Pull complete"),
      status("Pull complete"),
      { status: "Digest: sha256:12" },
    ),
    [
      "latest: Pulling from a/b",
      "5a7d: Pulling fs layer",
      ...[0, 20, 40, 60, 80].map((percent) => `5a7d: Downloading, ${percent} % of 100 KB`),
      "5a7d: Pull complete",
      "Digest: sha256:12",
    ],
  );
});

Deno.test("a build's output comes line by line, its error ends it", async () => {
  assert.deepEqual(await linesOf({ stream: "Step 1/2 : FROM a\n ---> 12\n" }, { stream: "\n" }), [
    "Step 1/2 : FROM a",
    " ---> 12",
  ]);
  await assert.rejects(linesOf({ error: "no space left on device" }), {
    code: "docker-failed",
    message: "no space left on device",
  });
});
