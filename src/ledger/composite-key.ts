/**
 * Composite keys as chaincode shims build them: U+0000, object type, U+0000, each attribute
 * followed by U+0000. Mirrors core/chaincode/shim/chaincode.go.
 */
import { DenimError } from "../base/errors.ts";

const separator = "\0";
const maxRune = "\u{10ffff}";
/** What shims send instead of an empty start key of a range. */
export const emptyKeySubstitute = "\x01";

function validateComponent(component: string): void {
  if (!component.isWellFormed()) {
    throw new DenimError("invalid-composite-key", `not a valid utf8 string: [${component}]`);
  }
  let index = 0;
  for (const rune of component) {
    if (rune === separator || rune === maxRune) {
      const shown = rune === separator ? "U+0000" : "U+10FFFF";
      throw new DenimError(
        "invalid-composite-key",
        `input contain unicode ${shown} starting at position [${index}]. U+0000 and U+10FFFF are not allowed in the input attribute of a composite key`,
        { component },
      );
    }
    index += new TextEncoder().encode(rune).length;
  }
}

/** @throws DenimError `invalid-composite-key` */
export function createCompositeKey(objectType: string, attributes: readonly string[]): string {
  let key = separator;
  for (const component of [objectType, ...attributes]) {
    validateComponent(component);
    key += component + separator;
  }
  return key;
}

/** Object type and attributes of a composite key. */
export function splitCompositeKey(key: string): { objectType: string; attributes: string[] } {
  const components = key.slice(1).split(separator).slice(0, -1);
  return { objectType: components[0] ?? "", attributes: components.slice(1) };
}

/** The range [start, end) that holds all keys beginning with these attributes. */
export function partialCompositeRange(
  objectType: string,
  attributes: readonly string[],
): { start: string; end: string } {
  const start = createCompositeKey(objectType, attributes);
  return { start, end: start + maxRune };
}
