/** What all policies share: they judge a signature set. */
import type { DenimError } from "../base/errors.ts";
import type { Identity, IdentityDeserializer } from "../msp/types.ts";
import { policyError } from "./policy-error.ts";
import { type SignatureSet, signatureSet, verifiedSet } from "./signature-set.ts";
import type { Policy, SignedData } from "./types.ts";

export abstract class SetPolicy implements Policy {
  constructor(protected readonly deserializer: IdentityDeserializer) {}

  /** Judges a set; the set is shared between sub-policies, so each signature is checked once. */
  abstract holds(set: SignatureSet): boolean;

  /** Why it does not hold. Apart, since most refusals of sub-policies interest nobody. */
  protected abstract refusal(set: SignatureSet): DenimError;

  evaluate(signed: readonly SignedData[]): void {
    this.#judge(signatureSet(signed, this.deserializer));
  }

  evaluateIdentities(identities: readonly Identity[]): void {
    this.#judge(verifiedSet(identities));
  }

  #judge(set: SignatureSet): void {
    if (!this.holds(set)) throw this.refusal(set);
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
