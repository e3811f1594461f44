/** Following what a container or a build writes. */
import type { Readable } from "node:stream";
import { DenimError } from "../../base/errors.ts";
import { LineSplitter } from "../output.ts";
import { FrameSplitter } from "./frames.ts";

/** Reads a container's log to its end. A stream that breaks ends like one that ends. */
export async function followFrames(
  stream: Readable,
  onLine: (stream: "stdout" | "stderr", text: string) => void,
): Promise<void> {
  const splitters = {
    stdout: new LineSplitter((text) => onLine("stdout", text)),
    stderr: new LineSplitter((text) => onLine("stderr", text)),
  };
  const frames = new FrameSplitter((name, bytes) => splitters[name].push(bytes));
  try {
    for await (const bytes of stream) frames.push(bytes);
  } catch {
    // The engine or the container has gone; what was read is what there is.
  }
  splitters.stdout.end();
  splitters.stderr.end();
}

/** A layer that is downloaded is told about again after so many further percent. */
const progressPercent = 20;

interface ProgressMessage {
  readonly id?: unknown;
  readonly stream?: unknown;
  readonly status?: unknown;
  readonly error?: unknown;
  readonly progressDetail?: { readonly current?: unknown; readonly total?: unknown };
}

/**
 * Reads the progress of an image build or pull: JSON objects, one a line. Of what the engine tells
 * several times a second only changes are handed on.
 * @throws DenimError `docker-failed` with the engine's error
 */
export async function followProgress(
  stream: Readable,
  onLine: (text: string) => void,
): Promise<void> {
  let failure: string | undefined;
  /** What was last told of each layer. */
  const told = new Map<string, string>();
  const lines = new LineSplitter((line) => {
    let message: ProgressMessage;
    try {
      message = JSON.parse(line);
    } catch {
      return;
    }
    if (typeof message.error === "string") failure = message.error;
    const text = message.error ?? message.stream ?? layerProgress(message);
    if (typeof text !== "string") return;
    if (typeof message.id === "string") {
      if (told.get(message.id) === text) return;
      told.set(message.id, text);
    }
    for (const part of text.split("\n")) if (part.trim() !== "") onLine(part);
  });
  for await (const bytes of stream) lines.push(bytes);
  lines.end();
  if (failure !== undefined) throw new DenimError("docker-failed", failure.trim());
}

/** `layer: status`, with how much of it in coarse steps. */
function layerProgress({ id, status, progressDetail }: ProgressMessage): unknown {
  if (typeof id !== "string" || typeof status !== "string") return status;
  const { current, total } = progressDetail ?? {};
  if (typeof current !== "number" || typeof total !== "number" || total <= 0) {
    return `${id}: ${status}`;
  }
  const percent = Math.floor(current / total * 100 / progressPercent) * progressPercent;
  return `${id}: ${status}, ${percent} % of ${Math.ceil(total / 1024)} KB`;
}

/** A stream's bytes. @throws DenimError `build-output-too-large` */
export async function readAll(stream: Readable, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const bytes of stream) {
    length += bytes.length;
    if (length > maxBytes) {
      stream.destroy();
      throw new DenimError(
        "build-output-too-large",
        `the build made more than ${maxBytes} bytes`,
        { maxBytes },
      );
    }
    parts.push(bytes);
  }
  const all = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
