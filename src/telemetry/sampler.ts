/** Which traces are recorded: `OTEL_TRACES_SAMPLER` and its argument. */
import type { SpanContext } from "./span.ts";

/** @param parent the caller's span, where there is one */
export type Sampler = (traceId: string, parent: SpanContext | undefined) => boolean;

export const samplerNames = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;
export type SamplerName = typeof samplerNames[number];

/** @param ratio share of the traces that `…traceidratio` records, 0 to 1 */
export function samplerOf(name: SamplerName, ratio: number): Sampler {
  const root = rootSampler(name.replace("parentbased_", ""), ratio);
  if (!name.startsWith("parentbased_")) return root;
  return (traceId, parent) => parent?.sampled ?? root(traceId, undefined);
}

function rootSampler(name: string, ratio: number): Sampler {
  if (name === "always_on") return () => true;
  if (name === "always_off") return () => false;
  // By the random low bytes of the id, so that all programs of a trace decide alike.
  const bound = ratio * 2 ** 56;
  return (traceId) => parseInt(traceId.slice(-14), 16) < bound;
}
