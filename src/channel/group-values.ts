/** Reads the values of a configuration group. Mirrors common/channelconfig/standardvalues.go. */
import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import type { ConfigGroup } from "../gen/common/configtx_pb.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";
import { channelError, within } from "./channel-error.ts";

/** Message types of the values a group may have, by name. */
type ValueSchemas = Readonly<Record<string, DescMessage>>;

/** Decoded values; what the group does not set is an empty message. */
type Values<Schemas extends ValueSchemas> = {
  readonly [Name in keyof Schemas]: MessageShape<Schemas[Name]>;
};

/** @throws DenimError `bad-config` on a value that the group may not have or that is unreadable */
export function groupValues<const Schemas extends ValueSchemas>(
  group: ConfigGroup,
  schemas: Schemas,
): Values<Schemas> {
  return within("bad-config", "failed to deserialize values", () => {
    for (const name of Object.keys(group.values).sort()) {
      if (!Object.hasOwn(schemas, name)) throw channelError("bad-config", `Unexpected key ${name}`);
    }
    const decoded: Record<string, unknown> = {};
    for (const [name, schema] of Object.entries(schemas)) {
      decoded[name] = Object.hasOwn(group.values, name)
        ? decodeAsGo(schema, group.values[name].value)
        : create(schema);
    }
    return decoded as Values<Schemas>;
  });
}

/** Does the group set this value? */
export function hasValue(group: ConfigGroup, name: string): boolean {
  return Object.hasOwn(group.values, name);
}
