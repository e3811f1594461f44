/** The headers `traceparent` and `tracestate` by which traces go from program to program (W3C). */
import type { SpanContext } from "./span.ts";

/** Longest `tracestate` passed on; a longer one is left out, as the standard allows. */
export const maxTraceStateCharacters = 512;

const format = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const sampledFlag = 0x01;

/** The caller's span, or undefined where the header is missing or not valid: a new trace begins then. */
export function parseTraceparent(
  traceparent: string | undefined,
  tracestate?: string,
): SpanContext | undefined {
  const match = format.exec(traceparent?.trim() ?? "");
  if (match === null) return undefined;
  const [, version, traceId, spanId, flags, more] = match;
  // Later versions may append fields, version 00 may not, and ff does not exist.
  if (version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  const traceState = tracestate?.trim() ?? "";
  return {
    traceId,
    spanId,
    sampled: (parseInt(flags, 16) & sampledFlag) !== 0,
    traceState: traceState.length <= maxTraceStateCharacters ? traceState : "",
  };
}

/** `00-<trace>-<span>-01` */
export function formatTraceparent({ traceId, spanId, sampled }: SpanContext): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}
