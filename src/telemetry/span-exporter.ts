/**
 * Sends finished spans to an OpenTelemetry collector over OTLP/HTTP. Spans wait in a bounded queue:
 * whoever makes them never waits, and a collector that is slow or gone costs nothing but its spans.
 */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { sleep } from "../base/async.ts";
import { utf8 } from "../base/bytes.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { encodeJson } from "./otlp-json.ts";
import { encodeProtobuf } from "./otlp-protobuf.ts";
import type { TelemetrySettings } from "./settings.ts";
import type { Attributes, Span } from "./span.ts";

/** At the end, what still waits has so long to be sent. */
export const flushTimeoutMs = 2_000;
/** The pause before an export that the collector could not take is repeated; it doubles. */
export const firstRetryMs = 250;
/** Answers after which a repetition makes sense; all others drop the spans. */
const retryable = new Set([429, 502, 503, 504]);

const scope = { name: "denim" };

export interface SpanExporterOptions {
  readonly settings: TelemetrySettings;
  /** Beside those of the settings, which win. */
  readonly resource: Attributes;
  readonly logger: Logger;
}

export class SpanExporter {
  readonly #queue: Span[] = [];
  readonly #resource: Attributes;
  readonly #http: Deno.HttpClient | undefined;
  readonly #closing = new AbortController();
  readonly #abandoned = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending: Promise<void> | undefined;
  #dropped = 0;
  #failing = false;

  /** @throws DenimError `invalid-telemetry-settings` for certificates that cannot be read */
  constructor(private readonly options: SpanExporterOptions) {
    const { settings, resource } = options;
    this.#resource = { ...resource, ...settings.resource };
    this.#http = httpClient(settings);
  }

  /** Spans that were lost so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes a span over; returns at once. */
  add(span: Span): void {
    const { maxQueuedSpans } = this.options.settings;
    if (this.#closing.signal.aborted || this.#queue.length >= maxQueuedSpans) {
      this.#drop(1, "the collector does not keep up");
      return;
    }
    this.#queue.push(span);
    if (this.#sending === undefined) this.#schedule();
  }

  /** Sends what waits, within `flushTimeoutMs`. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    const deadline = setTimeout(() => this.#abandoned.abort(), flushTimeoutMs);
    try {
      if (this.#sending === undefined && this.#queue.length > 0) this.#send();
      await this.#sending;
    } finally {
      clearTimeout(deadline);
      clearTimeout(this.#timer);
      this.#http?.close();
    }
  }

  #schedule(): void {
    const { maxSpansPerExport, exportDelayMs } = this.options.settings;
    if (this.#queue.length >= maxSpansPerExport) this.#send();
    else if (this.#queue.length > 0) this.#timer ??= setTimeout(() => this.#send(), exportDelayMs);
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending = this.#sendAll().finally(() => {
      this.#sending = undefined;
      // What came in the last moment.
      this.#schedule();
    });
  }

  async #sendAll(): Promise<void> {
    const { maxSpansPerExport } = this.options.settings;
    while (this.#queue.length > 0) {
      const spans = this.#queue.splice(0, maxSpansPerExport);
      if (this.#abandoned.signal.aborted) {
        this.#drop(spans.length, "the peer has ended");
        continue;
      }
      const failure = await this.#export(spans);
      if (failure !== undefined) this.#drop(spans.length, failure);
      else if (this.#failing) {
        this.#failing = false;
        this.options.logger.info(
          `spans are exported to ${this.options.settings.url} again; ${this.#dropped} were lost`,
        );
      }
    }
  }

  /** One export with its repetitions. @returns why it failed */
  async #export(spans: readonly Span[]): Promise<string | undefined> {
    const { timeoutMs } = this.options.settings;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeoutMs);
    const signal = AbortSignal.any([late.signal, this.#abandoned.signal]);
    try {
      const body = this.#encode(spans);
      for (let pauseMs = firstRetryMs;; pauseMs *= 2) {
        const { failure, again } = await this.#post(body, signal);
        if (failure === undefined) return undefined;
        // Who is closing asks once more and does not wait.
        if (!again || signal.aborted || this.#closing.signal.aborted) return failure;
        await sleep(pauseMs, AbortSignal.any([signal, this.#closing.signal]));
        if (signal.aborted) return failure;
      }
    } catch (error) {
      return messageOf(error);
    } finally {
      clearTimeout(timer);
    }
  }

  #encode(spans: readonly Span[]): Uint8Array<ArrayBuffer> {
    const { protocol, gzip } = this.options.settings;
    const bytes = protocol === "http/json"
      ? utf8(encodeJson(spans, this.#resource, scope))
      : encodeProtobuf(spans, this.#resource, scope);
    return gzip ? new Uint8Array(gzipSync(bytes)) : bytes;
  }

  async #post(
    body: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<{ readonly failure?: string; readonly again?: boolean }> {
    const { url, protocol, headers, gzip } = this.options.settings;
    try {
      const answer = await fetch(url, {
        method: "POST",
        body,
        headers: {
          "user-agent": "denim",
          ...headers,
          "content-type": protocol === "http/json" ? "application/json" : "application/x-protobuf",
          ...(gzip ? { "content-encoding": "gzip" } : {}),
        },
        redirect: "manual",
        signal,
        ...(this.#http === undefined ? {} : { client: this.#http }),
      });
      await answer.body?.cancel();
      if (answer.ok) return {};
      return {
        failure: `it answers ${answer.status} ${answer.statusText}`.trim(),
        again: retryable.has(answer.status),
      };
    } catch (error) {
      const late = signal.aborted ? `no answer within ${this.options.settings.timeoutMs} ms` : "";
      return { failure: late || messageOf(error), again: true };
    }
  }

  /** Said once, until exports work again. */
  #drop(count: number, why: string): void {
    this.#dropped += count;
    if (this.#failing) return;
    this.#failing = true;
    this.options.logger.warn(
      `spans cannot be exported to ${this.options.settings.url} and are dropped: ${why}`,
    );
  }
}

/** For TLS with certificates of its own; undefined = the default one. @throws DenimError */
function httpClient(settings: TelemetrySettings): Deno.HttpClient | undefined {
  const { certificateFile, clientCertificateFile, clientKeyFile } = settings;
  if (certificateFile === "" && clientCertificateFile === "") return undefined;
  try {
    const root = certificateFile === "" ? {} : { caCerts: [readFileSync(certificateFile, "utf8")] };
    if (clientCertificateFile === "") return Deno.createHttpClient(root);
    const cert = readFileSync(clientCertificateFile, "utf8");
    return Deno.createHttpClient({ ...root, cert, key: readFileSync(clientKeyFile, "utf8") });
  } catch (error) {
    throw new DenimError(
      "invalid-telemetry-settings",
      `no traces are exported: OTEL_EXPORTER_OTLP_CERTIFICATE or _CLIENT_…: ${messageOf(error)}`,
      {},
      undefined,
      { cause: error },
    );
  }
}
