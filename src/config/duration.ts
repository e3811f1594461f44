/** Durations in settings and flags, read the way viper and cast read them. */
import { parseGoDuration } from "../base/duration.ts";

/**
 * Milliseconds of a duration; a number without a unit counts nanoseconds, as in viper's GetDuration.
 * @returns undefined where the text is not a duration or does not fit Go's 64 bits
 */
export function parseDuration(duration: string): number | undefined {
  const unitless = /^[+-]?(\d+\.?\d*|\.\d+)$/.test(duration);
  return parseGoDuration(unitless ? `${duration}ns` : duration);
}
