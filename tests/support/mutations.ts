/** What a hostile or broken sender does to bytes, for property tests. */
import fc from "fast-check";

interface Mutation {
  readonly kind: "set" | "cut" | "double" | "insert" | "length";
  readonly at: number;
  readonly byte: number;
}

/** One to four changes; `at` counts modulo the length. */
export const mutations: fc.Arbitrary<readonly Mutation[]> = fc.array(
  fc.record({
    kind: fc.constantFrom("set", "set", "set", "cut", "double", "insert", "length"),
    at: fc.nat(),
    byte: fc.nat(255),
  }),
  { minLength: 1, maxLength: 4 },
);

/** A varint that claims four gigabytes. */
const hugeLength = [0xff, 0xff, 0xff, 0xff, 0x0f];

export function mutate(bytes: Uint8Array, changes: readonly Mutation[]): Uint8Array {
  let result = bytes.slice();
  for (const { kind, at, byte } of changes) {
    if (result.length === 0) break;
    const place = at % result.length;
    const [before, after] = [result.slice(0, place), result.slice(place)];
    switch (kind) {
      case "set":
        result[place] = byte;
        break;
      case "cut":
        result = before;
        break;
      case "double":
        result = Uint8Array.from([...result, ...after]);
        break;
      case "insert":
        result = Uint8Array.from([...before, byte, ...after]);
        break;
      case "length":
        result = Uint8Array.from([...before, ...hugeLength, ...after.slice(1)]);
    }
  }
  return result;
}
