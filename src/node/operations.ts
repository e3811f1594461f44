/**
 * A peer's operations: metrics, health and log levels, over HTTP. Started first, so that everything
 * else can be counted. Mirrors newOperationsSystem of peer/node/start.go and core/operations.
 */
import { readFileSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { LogWriter } from "../base/log-writer.ts";
import { disabledMetrics, type MetricsProvider } from "../base/metrics.ts";
import { systemErrorReason } from "../base/system-error.ts";
import { fabricVersion } from "../base/version-numbers.ts";
import type { PeerConfig, TlsFiles } from "../config/types.ts";
import {
  healthHandler,
  logSpecHandler,
  metricsHandler,
  versionHandler,
} from "../operations/handlers.ts";
import { HealthChecks } from "../operations/health.ts";
import { HttpListener, type HttpRoute, type HttpTls } from "../operations/http-listener.ts";
import { countLogEntries } from "../operations/log-metrics.ts";
import { type CollectingProvider, collectProcessMetrics } from "../operations/process-metrics.ts";
import { PrometheusProvider } from "../operations/prometheus.ts";
import { StatsdProvider } from "../operations/statsd.ts";
import { StatsdSender } from "../operations/statsd-sender.ts";

export interface OperationsOptions {
  readonly config: Pick<PeerConfig, "operations" | "metrics">;
  readonly clock: Clock;
  readonly log: LogWriter;
}

export class Operations {
  /** Where parts of the peer leave word how to find out whether they work. */
  readonly checks: HealthChecks = new HealthChecks();
  readonly metrics: MetricsProvider;
  readonly #options: OperationsOptions;
  readonly #routes = new Map<string, HttpRoute>();
  readonly #closers: (() => Promise<void> | void)[] = [];
  #listener: HttpListener | undefined;

  private constructor(options: OperationsOptions) {
    this.#options = options;
    const { log, clock } = options;
    const open = (path: string, handle: HttpRoute["handle"]) =>
      this.#routes.set(path, { handle, secure: false });
    open("/healthz", healthHandler(this.checks, clock));
    open("/version", versionHandler(fabricVersion, ""));
    this.#routes.set("/logspec", { handle: logSpecHandler(log), secure: true });
    this.metrics = this.#provider();
  }

  /** @throws DenimError for an address, a file or a setting that cannot be used */
  static async start(options: OperationsOptions): Promise<Operations> {
    const operations = new Operations(options);
    try {
      await operations.#start();
      return operations;
    } catch (error) {
      await operations.close();
      throw startFailed(error);
    }
  }

  /** host:port of the listener; undefined where there is none. */
  get address(): string | undefined {
    return this.#listener?.address;
  }

  async #start(): Promise<void> {
    const { config: { operations, metrics: { statsd } }, log } = this.#options;
    const logger = log.logger("peer.operations");
    if (this.metrics instanceof StatsdProvider) {
      const sender = await StatsdSender.start({ ...statsd, provider: this.metrics, logger });
      this.#closers.unshift(() => sender.close());
    }
    this.#closers.unshift(countLogEntries(log, this.metrics));
    this.metrics.gauge({
      namespace: "",
      name: "fabric_version",
      help: "The active version of Fabric.",
      labelNames: ["version"],
    }).with(fabricVersion).set(1);
    if (operations.listenAddress === "") return;
    const listener = await HttpListener.start({
      listenAddress: operations.listenAddress,
      tls: operations.tls.enabled ? readTls(operations.tls) : undefined,
      routes: this.#routes,
      logger,
    });
    this.#listener = listener;
    this.#closers.unshift(() => listener.close());
    logger.info(`operations at ${operations.tls.enabled ? "https" : "http"}://${listener.address}`);
  }

  #provider(): MetricsProvider {
    const { config: { metrics }, log, clock } = this.#options;
    const collecting = <P extends CollectingProvider>(provider: P): P => {
      collectProcessMetrics(provider, clock);
      return provider;
    };
    switch (metrics.provider) {
      case "prometheus": {
        const provider = collecting(new PrometheusProvider());
        this.#routes.set("/metrics", { handle: metricsHandler(provider), secure: true });
        return provider;
      }
      case "statsd":
        return collecting(new StatsdProvider(metrics.statsd.prefix));
      case "disabled":
        return disabledMetrics;
      default:
        log.logger("peer.operations")
          .warn(`Unknown provider type: ${metrics.provider}; metrics disabled`);
        return disabledMetrics;
    }
  }

  /** Ends the listener, and sends what metrics are left. Safe to call twice. */
  async close(): Promise<void> {
    for (const close of this.#closers.splice(0)) await close();
  }
}

function readTls({ certFile, keyFile, clientAuthRequired, clientRootCaFiles }: TlsFiles): HttpTls {
  const read = (setting: string, file: string): string => {
    try {
      return readFileSync(file, "utf8");
    } catch (error) {
      throw new DenimError(
        "unreadable-file",
        `cannot read operations.tls.${setting} "${file}": ${systemErrorReason(error)}`,
        { setting, file },
        `set operations.tls.${setting} to a PEM file, or operations.tls.enabled to false`,
      );
    }
  };
  return {
    certificate: read("cert.file", certFile),
    key: read("key.file", keyFile),
    clientRootCertificates: clientRootCaFiles.map((file) => read("clientRootCAs.files", file)),
    clientAuthRequired,
  };
}

function startFailed(error: unknown): unknown {
  if (!(error instanceof DenimError)) return error;
  const taken = "set operations.listenAddress (CORE_OPERATIONS_LISTENADDRESS) to a free address";
  return new DenimError(
    error.code,
    `failed to initialize operations subsystems: ${messageOf(error)}`,
    error.facts,
    error.code === "address-in-use" ? taken : error.hint,
    { cause: error },
  );
}
