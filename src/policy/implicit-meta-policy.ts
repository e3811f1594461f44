/** Policies over the policies of the groups below. Mirrors common/policies/implicitmeta.go. */
import { create, toBinary } from "@bufbuild/protobuf";
import { type DenimError, messageOf } from "../base/errors.ts";
import {
  type ImplicitMetaPolicy as ImplicitMetaMessage,
  ImplicitMetaPolicy_Rule as Rule,
  ImplicitMetaPolicySchema,
  type Policy as PolicyMessage,
  Policy_PolicyType,
  PolicySchema,
} from "../gen/common/policies_pb.ts";
import type { IdentityDeserializer } from "../msp/types.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";
import { policyError } from "./policy-error.ts";
import { SetPolicy } from "./set-policy.ts";
import type { SignatureSet } from "./signature-set.ts";

function thresholdOf(rule: Rule, count: number): number {
  // Without groups below, nothing is asked for.
  if (count === 0) return 0;
  switch (rule) {
    case Rule.ANY:
      return 1;
    case Rule.ALL:
      return count;
    case Rule.MAJORITY:
      return Math.floor(count / 2) + 1;
    default:
      return Infinity;
  }
}

export class ImplicitMetaPolicy extends SetPolicy {
  readonly #threshold: number;

  /** @param subPolicies one for each group below; undefined where it lacks the policy (counts as refused) */
  constructor(
    readonly definition: ImplicitMetaMessage,
    readonly subPolicies: readonly (SetPolicy | undefined)[],
    deserializer: IdentityDeserializer,
  ) {
    super(deserializer);
    this.#threshold = thresholdOf(definition.rule, subPolicies.length);
  }

  override holds(set: SignatureSet): boolean {
    return this.#satisfied(set) >= this.#threshold;
  }

  /** How many sub-policies hold; no more are asked than are needed. */
  #satisfied(set: SignatureSet): number {
    let satisfied = 0;
    for (const policy of this.subPolicies) {
      if (satisfied >= this.#threshold) break;
      if (policy?.holds(set)) satisfied++;
    }
    return satisfied;
  }

  protected override refusal(set: SignatureSet): DenimError {
    const satisfied = this.#satisfied(set);
    const name = this.definition.subPolicy;
    return policyError(
      "policy-not-satisfied",
      `implicit policy evaluation failed - ${satisfied} sub-policies were satisfied, but this policy requires ${this.#threshold} of the '${name}' sub-policies to be satisfied`,
      { subPolicy: name, satisfied, required: this.#threshold },
    );
  }
}

/** @throws DenimError `bad-policy` */
export function decodeImplicitMeta(bytes: Uint8Array): ImplicitMetaMessage {
  try {
    return decodeAsGo(ImplicitMetaPolicySchema, bytes);
  } catch (cause) {
    throw policyError(
      "bad-policy",
      `Error unmarshaling to ImplicitMetaPolicy: ${messageOf(cause)}`,
    );
  }
}

/** A Policy message of type IMPLICIT_META. */
export function implicitMetaPolicy(subPolicy: string, rule: Rule): PolicyMessage {
  const message = create(ImplicitMetaPolicySchema, { rule, subPolicy });
  return create(PolicySchema, {
    type: Policy_PolicyType.IMPLICIT_META,
    value: toBinary(ImplicitMetaPolicySchema, message),
  });
}

/** Reads `ANY Readers`, `ALL Writers`, `MAJORITY Admins`. @throws DenimError `bad-policy-expression` */
export function parseImplicitMeta(text: string): ImplicitMetaMessage {
  const words = text.split(" ");
  if (words.length !== 2) {
    throw policyError(
      "bad-policy-expression",
      `expected two space separated tokens, but got ${words.length}`,
      { policy: text },
      "Write for example: MAJORITY Admins",
    );
  }
  const rules: Record<string, Rule> = { ANY: Rule.ANY, ALL: Rule.ALL, MAJORITY: Rule.MAJORITY };
  if (!Object.hasOwn(rules, words[0])) {
    throw policyError(
      "bad-policy-expression",
      `unknown rule type '${words[0]}', expected ALL, ANY, or MAJORITY`,
      { policy: text },
    );
  }
  return create(ImplicitMetaPolicySchema, { rule: rules[words[0]], subPolicy: words[1] });
}
