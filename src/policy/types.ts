/** Policies as values that evaluate signed data. Mirrors common/policies and common/cauthdsl. */
import type { Identity } from "../msp/types.ts";
import type { SignedData } from "../protocol/signed-data.ts";

export type { SignedData };

export interface Policy {
  /** Verifies signatures (invalid and duplicate identities are left out) and evaluates. @throws DenimError `policy-not-satisfied` with Fabric's text and who signed */
  evaluate(signed: readonly SignedData[]): void;
  /** Evaluates over identities whose signatures were verified already. @throws the same */
  evaluateIdentities(identities: readonly Identity[]): void;
}

/** The policies of a channel configuration, by path (`/Channel/Application/Writers`). */
export interface PolicyManager {
  /** Absolute (`/Channel/…`) or relative to this manager (`Application/Writers`). */
  policy(path: string): Policy | undefined;
  manager(path: readonly string[]): PolicyManager | undefined;
}
