/**
 * Bytes whose order is CouchDB's collation, for ranges in a table. Not every string has such a key:
 * where ICU's weights are not known here, a key says only how the true one begins.
 */
import { compareStrings } from "./collation.ts";
import { fieldNames, type JsonValue } from "./json.ts";

export interface OrderKey {
  readonly bytes: Uint8Array;
  /** Equal keys mean equal values, and the order of keys is that of values. Otherwise a beginning. */
  readonly exact: boolean;
}

/** Bytes of a key; longer ones are cut and count as beginnings. */
export const maxKeyBytes = 256;

const tags = { null: 1, false: 2, true: 3, number: 4, string: 5, array: 6, object: 7 } as const;
const endOfValue = 0;
const endOfWeights = 1;
const lowerCase = 2;
const upperCase = 3;
const firstWeight = 2;
/** Before the two bytes of a Han character: these follow all ASCII, in the order of their codes. */
const han = 0xfb;
const firstHan = 0x4e00;
const lastHan = 0x9fff;

/** Printable ASCII and white space: characters with one weight each. */
const simple = "\t\n\v\f\r" +
  Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join("");

/** Weights by character code, 0 where not known. Letters of both cases weigh the same. */
const weights: Uint8Array = (() => {
  const table = new Uint8Array(128);
  const ordered = [...simple].filter((c) => c === c.toLowerCase()).sort(compareStrings);
  ordered.forEach((c, i) => table[c.charCodeAt(0)] = firstWeight + i);
  for (let code = 0x41; code <= 0x5a; code++) table[code] = table[code + 0x20];
  return table;
})();

class KeyWriter {
  readonly #bytes: number[] = [];
  #exact = true;

  finish(): OrderKey {
    return { bytes: Uint8Array.from(this.#bytes), exact: this.#exact };
  }

  /** False once the rest can no longer be told. */
  #put(byte: number): boolean {
    if (this.#bytes.length >= maxKeyBytes) this.#exact = false;
    if (this.#exact) this.#bytes.push(byte);
    return this.#exact;
  }

  value(value: JsonValue): boolean {
    if (value === null) return this.#put(tags.null);
    if (typeof value === "boolean") return this.#put(value ? tags.true : tags.false);
    if (typeof value === "number" || typeof value === "bigint") return this.#number(Number(value));
    if (typeof value === "string") return this.#string(value);
    if (Array.isArray(value)) {
      return this.#put(tags.array) && value.every((item) => this.value(item)) &&
        this.#put(endOfValue);
    }
    return this.#put(tags.object) &&
      fieldNames(value).every((name) => this.#string(name) && this.value(value[name])) &&
      this.#put(endOfValue);
  }

  #number(value: number): boolean {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value === 0 ? 0 : value);
    const negative = view.getUint8(0) >= 0x80;
    if (!this.#put(tags.number)) return false;
    for (let i = 0; i < 8; i++) {
      const byte = view.getUint8(i);
      if (!this.#put(negative ? byte ^ 0xff : i === 0 ? byte ^ 0x80 : byte)) return false;
    }
    return true;
  }

  /** All first-level weights, then case. Accents come between the two, so they end the key. */
  #string(value: string): boolean {
    if (!this.#put(tags.string)) return false;
    const plain = isPlain(value);
    const text = plain ? value : value.normalize("NFD");
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code < 128 && weights[code] > 0) this.#put(weights[code]);
      else if (code >= firstHan && code <= lastHan) {
        this.#put(han) && this.#put(code >> 8) && this.#put(code & 0xff);
      } else if (!isAccent(code)) break;
    }
    if (!plain) this.#exact = false;
    return this.#put(endOfWeights) && this.#case(value) && this.#put(endOfValue);
  }

  /** Up to the last capital: small letters are what is left out. */
  #case(value: string): boolean {
    let last = value.length - 1;
    while (last >= 0 && !isCapital(value.charCodeAt(last))) last--;
    for (let i = 0; i <= last; i++) {
      if (!this.#put(isCapital(value.charCodeAt(i)) ? upperCase : lowerCase)) return false;
    }
    return true;
  }
}

function isPlain(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    const known = code < 128 ? weights[code] > 0 : code >= firstHan && code <= lastHan;
    if (!known) return false;
  }
  return true;
}

/** Combining marks that have no first-level weight (the combining letters after them have). */
function isAccent(code: number): boolean {
  return code >= 0x300 && code <= 0x362;
}

function isCapital(code: number): boolean {
  return code >= 0x41 && code <= 0x5a;
}

/** Key of a row's values, one after the other. */
export function orderKey(values: readonly JsonValue[]): OrderKey {
  const writer = new KeyWriter();
  values.every((value) => writer.value(value));
  return writer.finish();
}

/** Longer than any run of 0xff that a key can go on with. */
const afterAll = new Uint8Array(9).fill(0xff);

/** A key above all that begin with these bytes. */
export function endOf(beginning: Uint8Array): Uint8Array {
  const end = new Uint8Array(beginning.length + afterAll.length);
  end.set(beginning);
  end.set(afterAll, beginning.length);
  return end;
}
