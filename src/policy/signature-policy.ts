/** Signature policies: n out of m, no identity counted twice. Mirrors common/cauthdsl. */
import { type DenimError, messageOf } from "../base/errors.ts";
import {
  type SignaturePolicy as SignaturePolicyMessage,
  type SignaturePolicyEnvelope,
  SignaturePolicyEnvelopeSchema,
} from "../gen/common/policies_pb.ts";
import type { MSPPrincipal } from "../gen/msp/msp_principal_pb.ts";
import type { IdentityDeserializer } from "../msp/types.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";
import { policyError } from "./policy-error.ts";
import { policyToString } from "./policy-to-string.ts";
import { SetPolicy, signersOf } from "./set-policy.ts";
import type { SetEntry, SignatureSet } from "./signature-set.ts";

/** Gates within gates; Fabric has no limit but its stack. */
const maxNesting = 1000;

/** Judges a set; marks in `used` the entries it counted. */
type Rule = (set: SignatureSet, used: Uint8Array) => boolean;

function compile(
  rule: SignaturePolicyMessage | undefined,
  identities: readonly MSPPrincipal[],
  depth = 0,
): Rule {
  if (!rule) throw policyError("bad-policy", "Empty policy element");
  if (depth > maxNesting) throw policyError("bad-policy", "policy is nested too deeply");
  switch (rule.Type.case) {
    case "nOutOf": {
      const { n, rules } = rule.Type.value;
      return nOutOfRule(n, rules.map((one) => compile(one, identities, depth + 1)));
    }
    case "signedBy": {
      const index = rule.Type.value;
      if (index < 0 || index >= identities.length) {
        throw policyError(
          "bad-policy",
          `identity index out of range, requested ${index}, but identities length is ${identities.length}`,
        );
      }
      return signedByRule(identities[index]);
    }
    default:
      throw policyError("bad-policy", "Unknown type: <nil>:<nil>");
  }
}

/** Every sub-rule is tried in order; one that holds keeps the identities it used. */
function nOutOfRule(n: number, rules: readonly Rule[]): Rule {
  return (set, used) => {
    let satisfied = 0;
    for (const rule of rules) {
      const attempt = used.slice();
      if (!rule(set, attempt)) continue;
      satisfied++;
      used.set(attempt);
    }
    return satisfied >= n;
  };
}

/** The first unused identity that satisfies the principal and whose signature holds. */
function signedByRule(principal: MSPPrincipal): Rule {
  return (set, used) => {
    for (let i = 0; i < set.length; i++) {
      if (used[i] || !satisfies(set[i], principal) || !set[i].signatureHolds()) continue;
      used[i] = 1;
      return true;
    }
    return false;
  };
}

function satisfies({ identity }: SetEntry, principal: MSPPrincipal): boolean {
  try {
    identity.satisfiesPrincipal(principal);
    return true;
  } catch {
    return false;
  }
}

export class SignaturePolicy extends SetPolicy {
  readonly #rule: Rule;

  /** @throws DenimError `bad-policy` */
  constructor(readonly envelope: SignaturePolicyEnvelope, deserializer: IdentityDeserializer) {
    super(deserializer);
    this.#rule = compile(envelope.rule, envelope.identities);
  }

  override holds(set: SignatureSet): boolean {
    return this.#rule(set, new Uint8Array(set.length));
  }

  protected override refusal(set: SignatureSet): DenimError {
    return policyError("policy-not-satisfied", "signature set did not satisfy policy", {
      policy: policyToString(this.envelope),
      signers: signersOf(set),
    });
  }
}

/** A policy from its message, of any version, as chaincode definitions hold it. @throws DenimError `bad-policy` */
export function compileSignaturePolicy(
  envelope: SignaturePolicyEnvelope,
  deserializer: IdentityDeserializer,
): SignaturePolicy {
  return new SignaturePolicy(envelope, deserializer);
}

/** A policy from the bytes of a SignaturePolicyEnvelope. @throws DenimError `bad-policy` with Fabric's reason */
export function signaturePolicyFromBytes(
  bytes: Uint8Array,
  deserializer: IdentityDeserializer,
): SignaturePolicy {
  let envelope: SignaturePolicyEnvelope;
  try {
    envelope = decodeAsGo(SignaturePolicyEnvelopeSchema, bytes);
  } catch (cause) {
    throw policyError(
      "bad-policy",
      `Error unmarshaling to SignaturePolicy: ${messageOf(cause)}`,
    );
  }
  if (envelope.version !== 0) {
    throw policyError(
      "bad-policy",
      `This evaluator only understands messages of version 0, but version was ${envelope.version}`,
    );
  }
  return new SignaturePolicy(envelope, deserializer);
}
