/** Protobuf messages as Go prints them (`status:200 payload:"ok" `), which scripts look for. */
import {
  type DescField,
  type DescMessage,
  type MessageShape,
  ScalarType,
} from "@bufbuild/protobuf";
import { reflect, type ReflectMessage } from "@bufbuild/protobuf/reflect";
import { compareUtf8, utf8 } from "../base/bytes.ts";

/** The compact text form of golang/protobuf 1.x: each field followed by a space. */
export function protoText<D extends DescMessage>(schema: D, message: MessageShape<D>): string {
  return messageText(reflect(schema, message));
}

function messageText(message: ReflectMessage): string {
  let text = "";
  for (const field of message.sortedFields) {
    if (!message.isSet(field)) continue;
    if (field.fieldKind === "list") {
      for (const item of message.get(field)) text += fieldText(field, item, field.listKind);
    } else if (field.fieldKind === "map") {
      for (const [key, value] of sortedEntries(message.get(field))) {
        const inner = `key:${keyText(key)} ` +
          fieldText({ ...field, name: "value" }, value, field.mapKind);
        text += `${field.name}:<${inner}> `;
      }
    } else text += fieldText(field, message.get(field), field.fieldKind);
  }
  return text;
}

type MapKey = string | number | bigint | boolean;

/** Go writes maps in the order of their keys. */
function sortedEntries(map: Iterable<[unknown, unknown]>): [MapKey, unknown][] {
  return ([...map] as [MapKey, unknown][]).sort(([a], [b]) => {
    if (typeof a === "string" && typeof b === "string") return compareUtf8(a, b);
    return a < b ? -1 : a > b ? 1 : 0;
  });
}

function keyText(key: MapKey): string {
  return typeof key === "string" ? quoted(utf8(key)) : String(key);
}

function fieldText(
  field: DescField,
  value: unknown,
  kind: "scalar" | "message" | "enum",
): string {
  if (kind === "message") return `${field.name}:<${messageText(value as ReflectMessage)}> `;
  if (kind === "enum") {
    const name = field.enum?.value[value as number]?.name ?? String(value);
    return `${field.name}:${name} `;
  }
  if (value instanceof Uint8Array) return `${field.name}:${quoted(value)} `;
  if (typeof value === "string") return `${field.name}:${quoted(utf8(value))} `;
  return `${field.name}:${scalarText(field, value)} `;
}

function scalarText(field: DescField, value: unknown): string {
  return field.scalar === ScalarType.BOOL ? String(value === true) : String(value);
}

const escapes: Readonly<Record<number, string>> = {
  0x0a: "\\n",
  0x0d: "\\r",
  0x09: "\\t",
  0x22: '\\"',
  0x5c: "\\\\",
};

function quoted(bytes: Uint8Array): string {
  let text = '"';
  for (const byte of bytes) {
    if (escapes[byte] !== undefined) text += escapes[byte];
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\${byte.toString(8).padStart(3, "0")}`;
  }
  return text + '"';
}
