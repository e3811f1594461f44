/**
 * Attributes of an identity inside its certificate, where chaincode reads them. Mirrors Fabric CA's
 * lib/attrmgr.
 */
import { utf8 } from "../../base/bytes.ts";

/** Fabric's own number for the extension. */
export const attributesOid = "1.2.3.4.5.6.7.8.1";

/** The extension's value: JSON with sorted names, as Fabric CA writes it. */
export function attributesExtension(
  attributes: Readonly<Record<string, string>>,
): { oid: string; value: Uint8Array } {
  const names = Object.keys(attributes).toSorted();
  const attrs = Object.fromEntries(names.map((name) => [name, attributes[name]]));
  return { oid: attributesOid, value: utf8(JSON.stringify({ attrs })) };
}

/** What Fabric CA tells of every identity. */
export interface Registration {
  readonly name: string;
  readonly type: string;
  /** `org1.department1`, or nothing. */
  readonly affiliation: string;
}

/** The attributes that Fabric CA adds to those that were asked for. */
export function registrationAttributes(
  { name, type, affiliation }: Registration,
): Record<string, string> {
  return { "hf.EnrollmentID": name, "hf.Type": type, "hf.Affiliation": affiliation };
}
