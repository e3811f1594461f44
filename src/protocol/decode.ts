/** Reading protobuf bytes that came from outside: one error, worded as Fabric words it. */
import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { DenimError, messageOf } from "../base/errors.ts";

/**
 * Decodes `bytes` as `schema`.
 *
 * @param what the name in the error text; the message's own name when left out
 * @throws DenimError `malformed-message`: `error unmarshaling <what>: <reason>`, as protos/utils says it
 */
export function decode<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
  what: string = schema.name,
): MessageShape<Desc> {
  try {
    return fromBinary(schema, bytes);
  } catch (error) {
    throw new DenimError(
      "malformed-message",
      `error unmarshaling ${what}: ${reason(error)}`,
      { type: schema.typeName, length: bytes.length },
      undefined,
      { cause: error },
    );
  }
}

/** Like `decode`, but undefined where the bytes are not such a message. */
export function tryDecode<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
): MessageShape<Desc> | undefined {
  try {
    return fromBinary(schema, bytes);
  } catch {
    return undefined;
  }
}

/** Running out of bytes is what clients see most; Go's words for it are known to people. */
function reason(error: unknown): string {
  return error instanceof RangeError ? "unexpected EOF" : messageOf(error);
}
