/** The attributes that a person may be enrolled with. Mirrors the `--id.attrs` of Fabric CA's client. */
import { DenimError } from "../base/errors.ts";

/** More would make the certificate, and with it every transaction, large. */
export const maxAttributes = 100;
export const maxAttributeBytes = 4096;
/** Prefix of the names that Fabric CA gives itself. */
const reserved = "hf.";
/** Fabric CA's mark for "put it into the certificate", which is what happens here anyway. */
const ecertSuffix = /:ecert$/;

/** `name=value` texts as a record. @throws DenimError `invalid-attribute` */
export function checkAttributes(given: readonly string[]): Record<string, string> {
  const attributes = new Map<string, string>();
  for (const text of given) {
    const at = text.indexOf("=");
    const name = text.slice(0, Math.max(at, 0)).trim();
    const value = text.slice(at + 1).replace(ecertSuffix, "");
    const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
    if (at < 0 || name === "") {
      throw invalid(`--attr ${shown}: it has no name`, "write it as name=value");
    }
    // deno-lint-ignore no-control-regex
    if (/[\u0000-\u001f\u007f]/.test(text)) {
      throw invalid(`--attr ${JSON.stringify(shown)}: it has control characters`);
    }
    if (name.startsWith(reserved)) {
      throw invalid(
        `--attr ${shown}: names that begin with ${reserved} are Fabric CA's own`,
        "hf.Type is --type, hf.Affiliation is --affiliation",
      );
    }
    if (attributes.has(name)) throw invalid(`--attr ${name} is given twice`);
    if (new TextEncoder().encode(text).length > maxAttributeBytes) {
      throw invalid(`--attr ${name}: it is longer than ${maxAttributeBytes} bytes`);
    }
    attributes.set(name, value);
  }
  if (attributes.size > maxAttributes) {
    throw invalid(`${attributes.size} attributes are more than ${maxAttributes}`);
  }
  return Object.fromEntries(attributes);
}

function invalid(message: string, hint?: string): DenimError {
  return new DenimError("invalid-attribute", message, {}, hint);
}
