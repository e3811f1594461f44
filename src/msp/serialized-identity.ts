/** The bytes of an identity on the wire. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { utf8 } from "../base/bytes.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import { type SerializedIdentity, SerializedIdentitySchema } from "../gen/msp/identities_pb.ts";

/** @throws DenimError `malformed-identity` */
export function decodeSerializedIdentity(serialized: Uint8Array): SerializedIdentity {
  try {
    return fromBinary(SerializedIdentitySchema, serialized);
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
  return toBinary(
    SerializedIdentitySchema,
    create(SerializedIdentitySchema, { mspid: mspId, idBytes }),
  );
}
