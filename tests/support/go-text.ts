/** Texts as Go prints them. */

/** json.Marshal: no spaces; <, >, & and the line separators escaped. */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** %q for printable text. */
export function goQuote(value: string): string {
  return JSON.stringify(value);
}

/** strconv.Atoi, with its error or a fallback in its place. */
export function parseGoInt(digits: string, fallback?: number): number {
  if (/^[+-]?[0-9]+$/.test(digits) && Number.isSafeInteger(Number(digits))) return Number(digits);
  if (fallback !== undefined) return fallback;
  throw new Error(`strconv.Atoi: parsing ${goQuote(digits)}: invalid syntax`);
}
