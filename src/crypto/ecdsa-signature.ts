/**
 * DER ECDSA signatures and the low-S rule. Reads exactly what Go's encoding/asn1 reads for
 * bccsp/utils.UnmarshalECDSASignature: minimal lengths and integers, positive values; bytes after
 * the two integers are ignored, because a peer that refused them would disagree with Go peers.
 */
import { DenimError } from "../base/errors.ts";
import { DerReader, integerContent, sequence, tag, unsignedInteger } from "./der.ts";
import type { CurveName } from "./types.ts";
import { fromHex } from "../base/bytes.ts";

/** What is fixed about a curve. */
export interface Curve {
  readonly name: CurveName;
  /** Length of a coordinate and of the order, in bytes. */
  readonly size: number;
  readonly oid: string;
  readonly order: bigint;
  /** Big-endian, `size` bytes. */
  readonly orderBytes: Uint8Array;
  /** Half the order, big-endian, `size` bytes: the largest S that Fabric accepts. */
  readonly halfOrder: Uint8Array;
}

function curve(name: CurveName, size: number, oid: string, orderHex: string): Curve {
  const order = BigInt(`0x${orderHex}`);
  const orderBytes = bytesOf(order, size);
  return { name, size, oid, order, orderBytes, halfOrder: bytesOf(order >> 1n, size) };
}

function bytesOf(value: bigint, size: number): Uint8Array {
  return fromHex(value.toString(16).padStart(size * 2, "0")) ?? new Uint8Array(size);
}

export const curves: Readonly<Record<CurveName, Curve>> = {
  "P-256": curve(
    "P-256",
    32,
    "1.2.840.10045.3.1.7",
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
  ),
  "P-384": curve(
    "P-384",
    48,
    "1.3.132.0.34",
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
  ),
};

/** R and S as unsigned big-endian magnitudes without leading zeros. */
export interface RawSignature {
  readonly r: Uint8Array;
  readonly s: Uint8Array;
  /** The signature's bytes when they were exactly its DER and nothing more. */
  readonly exact: boolean;
}

function positive(reader: DerReader, what: string): Uint8Array {
  const content = integerContent(reader.next(tag.integer, what), what);
  const magnitude = content[0] === 0 ? content.subarray(1) : content;
  if (content[0] >= 0x80 || magnitude.length === 0) {
    throw new DenimError("bad-signature", `invalid signature, ${what} must be larger than zero`);
  }
  return magnitude;
}

/** @throws DenimError `bad-der`, `bad-signature` */
export function decodeSignature(signature: Uint8Array): RawSignature {
  const outer = new DerReader(signature);
  const inner = outer.enter(tag.sequence, "signature");
  const r = positive(inner, "R");
  const s = positive(inner, "S");
  return { r, s, exact: outer.done && inner.done };
}

export function encodeSignature(r: Uint8Array, s: Uint8Array): Uint8Array<ArrayBuffer> {
  return sequence(unsignedInteger(r), unsignedInteger(s));
}

/** Is `s` (no leading zeros) at most half the order? */
export function isLowS(s: Uint8Array, halfOrder: Uint8Array): boolean {
  if (s.length !== halfOrder.length) return s.length < halfOrder.length;
  for (let i = 0; i < s.length; i++) {
    if (s[i] !== halfOrder[i]) return s[i] < halfOrder[i];
  }
  return true;
}

/**
 * The signature to hand to a verifier, or undefined where Fabric refuses it unseen: malformed DER,
 * values out of range, high S.
 */
export function acceptableSignature(
  signature: Uint8Array,
  curveName: CurveName,
): Uint8Array | undefined {
  const { halfOrder, size } = curves[curveName];
  try {
    const { r, s, exact } = decodeSignature(signature);
    if (r.length > size || !isLowS(s, halfOrder)) return undefined;
    return exact ? signature : encodeSignature(r, s);
  } catch {
    return undefined;
  }
}

function outOfRange(): DenimError {
  return new DenimError("bad-signature", "invalid signature, S is out of range");
}

/** `order` - `s`, which has no leading zeros. @throws DenimError where that is not positive */
function difference(order: Uint8Array, s: Uint8Array): Uint8Array {
  const result = order.slice();
  let borrow = 0;
  let any = 0;
  for (let i = order.length - 1, j = s.length - 1; i >= 0; i--, j--) {
    const digit = order[i] - (j >= 0 ? s[j] : 0) - borrow;
    borrow = digit < 0 ? 1 : 0;
    result[i] = digit;
    any |= result[i];
  }
  if (borrow !== 0 || any === 0) throw outOfRange();
  return result;
}

/** The same signature with low S; the given bytes where S is low already. @throws as decodeSignature */
export function toLowS(signature: Uint8Array, curveName: CurveName): Uint8Array {
  const { halfOrder, orderBytes, size } = curves[curveName];
  const { r, s } = decodeSignature(signature);
  if (isLowS(s, halfOrder)) return signature;
  if (s.length > size) throw outOfRange();
  return encodeSignature(r, difference(orderBytes, s));
}
