/** Which organizational units a member must have. Mirrors validateIdentityOUsV1 and V11 (and 1.4.3's). */
import { equal } from "../base/bytes.ts";
import { mspError } from "./msp-error.ts";
import type { NodeOu, NodeRole } from "./node-ous.ts";
import type { OrganizationalUnit, X509Identity } from "./x509-identity.ts";

/** Unit name → certifiers identifiers; a member needs one of them, where any is configured. */
export type RequiredUnits = ReadonlyMap<string, readonly Uint8Array[]>;
export type NodeOus = ReadonlyMap<NodeRole, NodeOu>;

function unitsText(units: readonly OrganizationalUnit[]): string {
  return units.map(({ name }) => name).join(" ");
}

/** @throws DenimError `invalid-identity` */
export function checkRequiredUnits(identity: X509Identity, required: RequiredUnits): void {
  if (required.size === 0) return;
  const units = identity.organizationalUnits;
  const found = units.some(({ name, certifiersIdentifier }) =>
    required.get(name)?.some((one) => equal(one, certifiersIdentifier))
  );
  if (found) return;
  throw mspError(
    "invalid-identity",
    units.length === 0
      ? "the identity certificate does not contain an Organizational Unit (OU)"
      : `none of the identity's organizational units [${
        unitsText(units)
      }] are in MSP ${identity.mspId}`,
  );
}

/** Exactly one of the units that tell classes of members apart. @throws DenimError `invalid-identity` */
export function checkNodeOu(identity: X509Identity, nodeOus: NodeOus, v1_4_3: boolean): void {
  const units = identity.organizationalUnits;
  let count = 0;
  for (const { name, certifiersIdentifier } of units) {
    const nodeOu = [...nodeOus.values()].find((one) => one.name === name);
    if (!nodeOu) continue;
    if (
      nodeOu.certifiersIdentifier && !equal(nodeOu.certifiersIdentifier, certifiersIdentifier)
    ) {
      throw mspError(
        "invalid-identity",
        `certifiersIdentifier does not match: [${unitsText(units)}], MSP: [${identity.mspId}]`,
      );
    }
    if (++count > 1) break;
  }
  if (count === 1) return;
  const where = `OUs: [${unitsText(units)}], MSP: [${identity.mspId}]`;
  if (!v1_4_3) {
    throw mspError(
      "invalid-identity",
      `the identity must be a client, a peer or an orderer identity to be valid, not a combination of them. ${where}`,
    );
  }
  throw mspError(
    "invalid-identity",
    count === 0
      ? `the identity does not have an OU that resolves to client, peer, orderer, or admin role. ${where}`
      : `the identity must be a client, a peer, an orderer, or an admin identity to be valid, not a combination of them. ${where}`,
  );
}
