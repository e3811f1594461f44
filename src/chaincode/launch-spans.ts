/**
 * Launches as OpenTelemetry spans: one for each launch, a child for each of its steps. A launch joins
 * the trace of the proposal that asked for it first; of further ones it keeps links.
 */
import { newSpanId, newTraceId, type Span, type SpanContext } from "../telemetry/span.ts";
import { exceptionEvent } from "../telemetry/span.ts";
import type { Sampler } from "../telemetry/sampler.ts";
import type { LaunchEvent } from "./launch-feed.ts";
import type { LaunchRecord, LaunchStep } from "./launch-record.ts";

/** Launches whose span is remembered, for the steps that come after READY. */
export const maxRememberedLaunchSpans = 200;

export interface LaunchSpansOptions {
  /** The span of the proposal with this transaction id, while it is remembered. */
  proposalSpan(txId: string): SpanContext | undefined;
  readonly sampler: Sampler;
  /** Takes a finished span over. */
  add(span: Span): void;
}

/** A launch's own span, its steps' parent. */
interface LaunchSpan {
  readonly context: SpanContext;
  readonly attributes: Span["attributes"];
}

export class LaunchSpans {
  readonly #finished = new Map<number, LaunchSpan>();

  constructor(private readonly options: LaunchSpansOptions) {}

  /** Reads until the events end. */
  async follow(events: AsyncIterable<LaunchEvent>): Promise<void> {
    for await (const event of events) this.take(event);
  }

  take(event: LaunchEvent): void {
    if (event.kind === "finished") this.#launched(event.record);
    if (event.kind !== "step" || event.step.outcome === "running") return;
    // Steps before READY come with the record; INIT comes later.
    const launch = this.#finished.get(event.launch);
    if (launch !== undefined) this.#step(launch, event.step);
  }

  #launched(record: LaunchRecord): void {
    const asking = record.txIds.flatMap((txId) => this.options.proposalSpan(txId) ?? []);
    const [parent, ...others] = asking;
    const traceId = parent?.traceId ?? newTraceId();
    if (!this.options.sampler(traceId, parent)) return;
    const { name, version, number, runtime, instanceId, beganAt } = record;
    const context = {
      traceId,
      spanId: newSpanId(),
      sampled: true,
      traceState: parent?.traceState ?? "",
    };
    const attributes = {
      "fabric.chaincode.name": name,
      "fabric.chaincode.version": version,
      "denim.launch.number": number,
    };
    const endedAtMs = beganAt + (record.durationMs ?? 0);
    const { error } = record;
    this.options.add({
      context,
      parentSpanId: parent?.spanId,
      name: `launch ${name}:${version}`,
      kind: "internal",
      beganAtMs: beganAt,
      endedAtMs,
      attributes: {
        ...attributes,
        "denim.launch.runtime": runtime,
        "denim.launch.instance.id": instanceId,
        "fabric.transaction.ids": record.txIds.length > 0 ? record.txIds : undefined,
      },
      events: error === undefined ? [] : [exceptionEvent(endedAtMs, error)],
      links: others,
      error,
    });
    const launch = { context, attributes };
    for (const step of record.steps) this.#step(launch, step);
    this.#finished.set(number, launch);
    if (this.#finished.size > maxRememberedLaunchSpans) {
      const [oldest] = this.#finished.keys();
      this.#finished.delete(oldest);
    }
  }

  #step({ context, attributes }: LaunchSpan, step: LaunchStep): void {
    const endedAtMs = step.beganAt + (step.durationMs ?? 0);
    const told = step.facts.error;
    const failed = step.outcome === "failed";
    const error = failed ? String(told ?? "the launch ended during this step") : undefined;
    this.options.add({
      context: { ...context, spanId: newSpanId() },
      parentSpanId: context.spanId,
      name: step.name,
      kind: "internal",
      beganAtMs: step.beganAt,
      endedAtMs,
      attributes: { ...attributes, ...factsOf(step) },
      events: error === undefined ? [] : [exceptionEvent(endedAtMs, error)],
      links: [],
      error,
    });
  }
}

/** What is known about a step, as `denim.step.<name>`. */
function factsOf({ facts }: LaunchStep): Record<string, string | number | boolean> {
  const known: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(facts)) {
    if (name === "error") continue;
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      known[`denim.step.${name}`] = value;
    }
  }
  return known;
}
