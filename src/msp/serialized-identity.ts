/** The bytes of an identity on the wire. */
import { create } from "@bufbuild/protobuf";
import { strictText, utf8 } from "../base/bytes.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import { SerializedIdentitySchema } from "../gen/msp/identities_pb.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";
import { encodeWire } from "../protocol/wire-encoder.ts";

const mspidTag = 0x0a;
const idBytesTag = 0x12;

/** The usual shape (both fields once, in order, nothing else) read without the protobuf runtime. */
function decodeUsual(bytes: Uint8Array): { mspid: string; idBytes: Uint8Array } | undefined {
  const nameEnd = 2 + bytes[1];
  if (bytes[0] !== mspidTag || !(bytes[1] < 0x80) || bytes[nameEnd] !== idBytesTag) {
    return undefined;
  }
  const [low, high] = [bytes[nameEnd + 1], bytes[nameEnd + 2]];
  if (!(low >= 0x80) || !(high > 0 && high < 0x80)) return undefined;
  const start = nameEnd + 3;
  if (start + (low & 0x7f) + high * 128 !== bytes.length) return undefined;
  const mspid = strictText(bytes.subarray(2, nameEnd));
  return mspid === undefined ? undefined : { mspid, idBytes: bytes.subarray(start) };
}

/** @throws DenimError `malformed-identity` */
export function decodeSerializedIdentity(
  serialized: Uint8Array,
): { mspid: string; idBytes: Uint8Array } {
  try {
    return decodeUsual(serialized) ?? decodeAsGo(SerializedIdentitySchema, serialized);
  } catch (cause) {
    throw new DenimError(
      "malformed-identity",
      `could not deserialize a SerializedIdentity: ${messageOf(cause)}`,
      {},
      undefined,
      { cause },
    );
  }
}

/** SerializedIdentity bytes of a PEM certificate. Mirrors msp.NewSerializedIdentity. */
export function serializeIdentity(mspId: string, certificatePem: string | Uint8Array): Uint8Array {
  const idBytes = typeof certificatePem === "string" ? utf8(certificatePem) : certificatePem;
  return encodeWire(
    SerializedIdentitySchema,
    create(SerializedIdentitySchema, { mspid: mspId, idBytes }),
  );
}
