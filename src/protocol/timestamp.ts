/** google.protobuf.Timestamp from and to milliseconds since the epoch. */
import { create } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";

/** The timestamp of `ms` milliseconds since the epoch (fractions are kept to the nanosecond). */
export function timestampFromMs(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1000);
  const nanos = Math.round((ms - seconds * 1000) * 1_000_000);
  return create(TimestampSchema, { seconds: BigInt(seconds), nanos });
}

/** Milliseconds since the epoch; NaN where there is no timestamp. */
export function timestampToMs(
  timestamp: { readonly seconds: bigint; readonly nanos: number } | undefined,
): number {
  if (timestamp === undefined) return NaN;
  return Number(timestamp.seconds) * 1000 + timestamp.nanos / 1_000_000;
}
