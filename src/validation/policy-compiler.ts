/** Endorsement and key-level policies from their bytes. Mirrors cauthdsl NewPolicy. */
import { DenimError } from "../base/errors.ts";
import { SignaturePolicyEnvelopeSchema } from "../gen/common/policies_pb.ts";
import type { IdentityDeserializer } from "../msp/types.ts";
import { compileSignaturePolicy } from "../policy/signature-policy.ts";
import type { Policy } from "../policy/types.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";

/** @throws DenimError `bad-protobuf`, `bad-policy` */
export function compilePolicyBytes(bytes: Uint8Array, deserializer: IdentityDeserializer): Policy {
  const envelope = decodeAsGo(SignaturePolicyEnvelopeSchema, bytes);
  if (envelope.version !== 0) {
    throw new DenimError(
      "bad-policy",
      "This evaluator only understands messages of version 0, but version was " +
        `${envelope.version}`,
      { version: envelope.version },
    );
  }
  return compileSignaturePolicy(envelope, deserializer);
}
