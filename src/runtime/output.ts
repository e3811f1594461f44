/** Output of chaincode and builds: split into lines, the last ones kept, each handed on at once. */
import type { Clock } from "../base/clock.ts";
import type { OutputLine } from "./types.ts";

/** So many last lines of an instance are kept for error messages. */
export const maxKeptOutputLines = 200;

/** A longer line is cut; a chaincode that never writes a newline must not fill the memory. */
export const maxOutputLineCharacters = 8 * 1024;

/** The last lines of something that writes, oldest first. */
export class OutputLog {
  readonly #kept: OutputLine[] = [];

  /** @param onLine told of every line, kept or not */
  constructor(
    private readonly clock: Clock,
    private readonly onLine: (line: OutputLine) => void = () => {},
    private readonly maxLines: number = maxKeptOutputLines,
  ) {}

  add(stream: OutputLine["stream"], text: string): void {
    const line: OutputLine = { at: this.clock.now(), stream, text };
    this.#kept.push(line);
    if (this.#kept.length > this.maxLines) this.#kept.shift();
    this.onLine(line);
  }

  lines(): readonly OutputLine[] {
    return [...this.#kept];
  }

  /** The last `count` lines as one text, for messages. */
  tail(count: number): string {
    return this.#kept.slice(-count).map((line) => line.text).join("\n");
  }
}

/** Splits text that comes in pieces into lines without their line ends. */
export class LineSplitter {
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(private readonly onLine: (text: string) => void) {}

  push(bytes: Uint8Array): void {
    this.#feed(this.#decoder.decode(bytes, { stream: true }));
  }

  /** Gives out what came after the last newline. */
  end(): void {
    this.#feed(this.#decoder.decode());
    if (this.#rest !== "") this.onLine(this.#rest);
    this.#rest = "";
  }

  #feed(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#emit(line.replace(/\r$/, ""));
    while (this.#rest.length > maxOutputLineCharacters) {
      this.onLine(this.#rest.slice(0, maxOutputLineCharacters));
      this.#rest = this.#rest.slice(maxOutputLineCharacters);
    }
  }

  #emit(line: string): void {
    for (let at = 0; at === 0 || at < line.length; at += maxOutputLineCharacters) {
      this.onLine(line.slice(at, at + maxOutputLineCharacters));
    }
  }
}

/** Reads a stream to its end, line by line. A stream that breaks ends like one that ends. */
export async function readLines(
  stream: ReadableStream<Uint8Array>,
  onLine: (text: string) => void,
): Promise<void> {
  const splitter = new LineSplitter(onLine);
  try {
    for await (const bytes of stream) splitter.push(bytes);
  } catch {
    // The writer has gone; what it wrote before is what there is.
  }
  splitter.end();
}
