/**
 * A ChaincodeInput in protobuf's compact text form, which getchaincodes gives as `input`.
 * Mirrors golang/protobuf's CompactTextString, whose every field ends with a blank.
 */
import type { ChaincodeInput } from "../../gen/peer/chaincode_pb.ts";
import { compareUtf8, utf8 } from "../../base/bytes.ts";

/** `args:"init" args:"\001" ` */
export function inputText(input: ChaincodeInput | undefined): string {
  if (input === undefined) return "<nil>";
  const args = input.args.map((arg) => `args:${quoted(arg)} `);
  const decorations = Object.entries(input.decorations)
    .sort(([a], [b]) => compareUtf8(a, b))
    .map(([key, value]) => `decorations:<key:${quoted(utf8(key))} value:${quoted(value)} > `);
  return [...args, ...decorations].join("");
}

const escapes: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  '"': '\\"',
  "\\": "\\\\",
};

function quoted(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    const printable = byte >= 0x20 && byte < 0x7f;
    text += escapes[character] ??
      (printable ? character : `\\${byte.toString(8).padStart(3, "0")}`);
  }
  return `"${text}"`;
}
