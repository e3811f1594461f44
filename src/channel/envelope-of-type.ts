/** Opens an envelope that must carry a given kind of message. Mirrors protos/utils/commonutils.go. */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { messageOf } from "../base/errors.ts";
import {
  type ChannelHeader,
  ChannelHeaderSchema,
  type Envelope,
  HeaderType,
  PayloadSchema,
} from "../gen/common/common_pb.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";
import { channelError } from "./channel-error.ts";

/** @throws DenimError `bad-config-block`, `bad-protobuf` with Fabric's text */
export function envelopeOfType<Desc extends DescMessage>(
  envelope: Envelope,
  type: HeaderType,
  schema: Desc,
): { readonly channelHeader: ChannelHeader; readonly message: MessageShape<Desc> } {
  const payload = decodeAsGo(PayloadSchema, envelope.payload);
  if (payload.header === undefined) {
    throw channelError("bad-config-block", "envelope must have a Header");
  }
  const channelHeader = decodeAsGo(ChannelHeaderSchema, payload.header.channelHeader);
  if (channelHeader.type !== type) {
    const actual = HeaderType[channelHeader.type] ?? String(channelHeader.type);
    throw channelError(
      "bad-config-block",
      `invalid type ${actual}, expected ${HeaderType[type]}`,
      { actual, expected: HeaderType[type] },
    );
  }
  try {
    return { channelHeader, message: decodeAsGo(schema, payload.data) };
  } catch (error) {
    throw channelError(
      "bad-config-block",
      `error unmarshaling message for type ${HeaderType[type]}: ${messageOf(error)}`,
    );
  }
}
