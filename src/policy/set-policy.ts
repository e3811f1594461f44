/** What all policies share: they judge a signature set. */
import type { DenimError } from "../base/errors.ts";
import type { Identity, IdentityDeserializer } from "../msp/types.ts";
import { policyError } from "./policy-error.ts";
import { type SignatureSet, signatureSet, verifiedSet } from "./signature-set.ts";
import type { Policy, SignedData } from "./types.ts";

/** Why a set does not satisfy a policy; undefined when it does. */
export type Refusal = DenimError | undefined;

export abstract class SetPolicy implements Policy {
  constructor(protected readonly deserializer: IdentityDeserializer) {}

  /** Judges a set; the set is shared between sub-policies, so each signature is checked once. */
  abstract refusal(set: SignatureSet): Refusal;

  evaluate(signed: readonly SignedData[]): void {
    const refused = this.refusal(signatureSet(signed, this.deserializer));
    if (refused) throw refused;
  }

  evaluateIdentities(identities: readonly Identity[]): void {
    const refused = this.refusal(verifiedSet(identities));
    if (refused) throw refused;
  }
}

/** Refuses everything, naming the policy that does not exist. Mirrors policies.rejectPolicy. */
export class RejectPolicy implements Policy {
  constructor(readonly policyName: string) {}

  evaluate(): void {
    throw policyError("policy-not-satisfied", `No such policy: '${this.policyName}'`, {
      policy: this.policyName,
    });
  }

  evaluateIdentities(): void {
    this.evaluate();
  }
}

/** Who signed, for error facts. */
export function signersOf(set: SignatureSet): string[] {
  return set.map(({ identity }) => `${identity.mspId}:${identity.id}`);
}
