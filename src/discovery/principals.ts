/**
 * The principals of the policies at hand, by number, and which of them include others. Mirrors
 * common/policies/inquire/compare.go.
 */
import { equal, hex } from "../base/bytes.ts";
import {
  type MSPPrincipal,
  MSPPrincipal_Classification as Classification,
  type MSPRole,
  MSPRole_MSPRoleType as Role,
  MSPRoleSchema,
  type OrganizationUnit,
  OrganizationUnitSchema,
} from "../gen/msp/msp_principal_pb.ts";
import { tryDecodeAsGo } from "../protocol/go-wire.ts";

/** A principal that can be compared: a role or an organizational unit. */
interface Comparable {
  readonly mspId: string;
  readonly role: MSPRole | undefined;
  readonly unit: OrganizationUnit | undefined;
}

export class Principals {
  readonly #byKey = new Map<string, number>();
  readonly #principals: MSPPrincipal[] = [];
  readonly #comparable: (Comparable | undefined)[] = [];
  readonly #includes: (readonly number[] | undefined)[] = [];

  /** The number of a principal, the same for equal ones. */
  numberOf(principal: MSPPrincipal): number {
    const key = `${principal.principalClassification}:${hex(principal.principal)}`;
    let number = this.#byKey.get(key);
    if (number === undefined) {
      number = this.#principals.length;
      this.#byKey.set(key, number);
      this.#principals.push(principal);
      this.#comparable.push(comparable(principal));
      this.#includes.length = 0;
    }
    return number;
  }

  principal(number: number): MSPPrincipal {
    return this.#principals[number];
  }

  /** Is it a role or an organizational unit? Others cannot be planned for, as in Fabric. */
  isComparable(number: number): boolean {
    return this.#comparable[number] !== undefined;
  }

  /** Is everybody who is `one` also `other` (a peer of an organisation is a member of it)? */
  isA(one: number, other: number): boolean {
    const a = this.#comparable[one];
    const b = this.#comparable[other];
    if (a === undefined || b === undefined || a.mspId !== b.mspId) return false;
    if (b.role?.role === Role.MEMBER) return true;
    if (a.unit && b.unit) {
      return a.unit.organizationalUnitIdentifier === b.unit.organizationalUnitIdentifier &&
        equal(a.unit.certifiersIdentifier, b.unit.certifiersIdentifier);
    }
    return a.role !== undefined && b.role !== undefined && a.role.role === b.role.role;
  }

  /** All principals that somebody who is `one` is, too. */
  includedIn(one: number): readonly number[] {
    this.#includes[one] ??= this.#principals.flatMap((_, other) =>
      this.isA(one, other) ? [other] : []
    );
    return this.#includes[one];
  }

  get size(): number {
    return this.#principals.length;
  }
}

function comparable(
  { principalClassification, principal }: MSPPrincipal,
): Comparable | undefined {
  if (principalClassification === Classification.ROLE) {
    const role = tryDecodeAsGo(MSPRoleSchema, principal);
    return role && { mspId: role.mspIdentifier, role, unit: undefined };
  }
  if (principalClassification === Classification.ORGANIZATION_UNIT) {
    const unit = tryDecodeAsGo(OrganizationUnitSchema, principal);
    return unit && { mspId: unit.mspIdentifier, role: undefined, unit };
  }
  return undefined;
}
