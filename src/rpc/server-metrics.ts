/** Counts and durations of a server's calls and connections. Mirrors common/grpcmetrics and core/comm/metrics.go. */
import {
  type Counter,
  type HistogramOptions,
  type MetricOptions,
  type MetricsProvider,
  secondsSince,
} from "../base/metrics.ts";
import { GrpcStatus, toStatus } from "./status.ts";

const metric = (
  name: string,
  help: string,
  ...labelNames: string[]
): MetricOptions & HistogramOptions => ({
  namespace: "grpc",
  subsystem: "server",
  name,
  help,
  labelNames: ["service", "method", ...labelNames],
});

const connections = (name: string, what: string): MetricOptions => ({
  namespace: "grpc",
  subsystem: "comm",
  name,
  help: `gRPC connections ${what}. Open minus closed is the active number of connections.`,
});

/**
 * A call is over. Where it was cut, its status is that of its handler: what comes of `next`, the
 * message that was waited for, or `status` if that arrives or there is none. Only the first call counts.
 */
export type CallCompleted = (status: GrpcStatus, next?: Promise<IteratorResult<unknown>>) => void;

/** Of one method. */
export interface CallMetrics {
  begin(): CallCompleted;
  /** Of a stream. */
  messageReceived(): void;
  messageSent(): void;
}

export class ServerMetrics {
  readonly #opened: Counter;
  readonly #closed: Counter;

  constructor(private readonly provider: MetricsProvider) {
    this.#opened = provider.counter(connections("conn_opened", "opened"));
    this.#closed = provider.counter(connections("conn_closed", "closed"));
  }

  connectionOpened(): void {
    this.#opened.add(1);
  }

  connectionClosed(): void {
    this.#closed.add(1);
  }

  /** @param path `/protos.Endorser/ProcessProposal`; undefined where nobody counts */
  call(path: string, streaming: boolean): CallMetrics | undefined {
    const { provider } = this;
    if (!provider.enabled) return undefined;
    const kind = streaming ? "stream" : "unary";
    const [service, method] = path.slice(1).replaceAll(".", "_").split("/");
    const counter = (name: string, help: string) =>
      provider.counter(metric(name, help)).with(service, method);
    const received = counterOnUse(() =>
      counter(`${kind}_requests_received`, `The number of ${kind} requests received.`)
    );
    const messagesReceived = counterOnUse(() =>
      counter("stream_messages_received", "The number of stream messages received.")
    );
    const messagesSent = counterOnUse(() =>
      counter("stream_messages_sent", "The number of stream messages sent.")
    );
    const duration = provider.histogram(
      metric(`${kind}_request_duration`, `The time to complete a ${kind} request.`, "code"),
    );
    const completed = provider.counter(
      metric(`${kind}_requests_completed`, `The number of ${kind} requests completed.`, "code"),
    );
    const record = (status: GrpcStatus, startedAt: number) => {
      const code = codeName(status);
      duration.with(service, method, code).observe(secondsSince(startedAt));
      completed.with(service, method, code).add(1);
    };
    return {
      begin() {
        received();
        const startedAt = performance.now();
        let over = false;
        return (status, next) => {
          if (over) return;
          over = true;
          if (next === undefined) return record(status, startedAt);
          next.then(
            ({ done }) => record(done ? GrpcStatus.OK : status, startedAt),
            (error) => record(toStatus(error).status, startedAt),
          );
        };
      },
      messageReceived: messagesReceived,
      messageSent: messagesSent,
    };
  }
}

/** A series appears when it is first used, not when its method is registered. */
function counterOnUse(make: () => Counter): () => void {
  let counter: Counter | undefined;
  return () => (counter ??= make()).add(1);
}

/** As Go's codes.Code prints it: `DeadlineExceeded`; OK stays OK. */
function codeName(status: GrpcStatus): string {
  if (status === GrpcStatus.OK) return "OK";
  if (status === GrpcStatus.CANCELLED) return "Canceled";
  const name = GrpcStatus[status];
  if (name === undefined) return `Code(${status})`;
  return name.split("_").map((word) => word[0] + word.slice(1).toLowerCase()).join("");
}
