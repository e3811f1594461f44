/** Reading protobuf bytes that came from outside: one error, worded as Fabric words it. */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { DenimError, messageOf } from "../base/errors.ts";
import { decodeAsGo, tryDecodeAsGo } from "./go-wire.ts";

/**
 * Decodes `bytes` as `schema`, with the verdict Go's decoder would give.
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
    return decodeAsGo(schema, bytes);
  } catch (error) {
    throw new DenimError(
      "malformed-message",
      messageOf(error).replace(schema.name, () => what),
      { type: schema.typeName, length: bytes.length },
      undefined,
      { cause: error },
    );
  }
}

/** Like `decode`, but undefined where the bytes are not such a message. */
export const tryDecode: <Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
) => MessageShape<Desc> | undefined = tryDecodeAsGo;
