/**
 * Which combinations of principals satisfy a signature policy. Mirrors common/policies/inquire and
 * the permutations of common/graph: the same combinations in the same order.
 */
import type { SignaturePolicy, SignaturePolicyEnvelope } from "../gen/common/policies_pb.ts";

/** Rules (gates and principals) of a policy that are looked at; a larger policy has no combinations. */
export const maxPolicyRules = 10_000;

/** Combinations of one policy; of more, the first ones are taken. Fabric's bound is for one gate. */
export const maxCombinations = 10_000;

/** Principals in all combinations of one policy together; past it, no more combinations are taken. */
export const maxCombinedPrincipals = 500_000;

export interface CombinationOptions {
  /** Can a known peer be this principal (index into the policy's identities)? Asked past the limit only. */
  readonly usable?: (identity: number) => boolean;
  readonly maxCombinations?: number;
}

interface Rule {
  /** Numbers of sub-rules; undefined: no gate. */
  readonly children: number[] | undefined;
  readonly threshold: number;
  /** Index of an identity; undefined for a gate and for what cannot be read. */
  readonly identity: number | undefined;
}

/**
 * Each combination is a list of indices into the policy's identities; an index occurs as often as
 * different peers have to sign for it. No combinations where the policy cannot be resolved: a rule
 * without type, a gate without rules or with n = 0, an identity that is not there.
 */
export function policyCombinations(
  { rule, identities }: SignaturePolicyEnvelope,
  options: CombinationOptions = {},
): readonly (readonly number[])[] {
  const rules = rule && flatten(rule);
  if (rules === undefined) return [];
  const limit = options.maxCombinations ?? maxCombinations;
  let found = permute(rules, limit);
  if (found.exceeded && options.usable !== undefined) {
    found = permute(withoutUnusable(rules, options.usable), limit);
  }
  const combinations: number[][] = [];
  for (const permutation of found.permutations) {
    const indices = permutation.map((number) => rules[number].identity);
    if (indices.some((one) => one === undefined || !(one >= 0 && one < identities.length))) {
      return []; // one that cannot be resolved spoils all, as in Fabric
    }
    combinations.push(indices as number[]);
  }
  return combinations;
}

/** The rules in breadth-first order, the first is the root; undefined for more than `maxPolicyRules`. */
function flatten(root: SignaturePolicy): readonly Rule[] | undefined {
  const queue: SignaturePolicy[] = [root];
  const rules: Rule[] = [];
  for (let i = 0; i < queue.length; i++) {
    const { Type } = queue[i];
    if (Type.case !== "nOutOf") {
      const identity = Type.case === "signedBy" ? Type.value : undefined;
      rules.push({ children: undefined, threshold: 0, identity });
      continue;
    }
    const { n, rules: inner } = Type.value;
    if (queue.length + inner.length > maxPolicyRules) return undefined;
    const children = inner.map((_, at) => queue.length + at);
    queue.push(...inner);
    rules.push({
      children: children.length > 0 ? children : undefined,
      threshold: n,
      identity: undefined,
    });
  }
  return rules;
}

/**
 * Opens gate after gate: every combination with the gate becomes one for each choice of its rules.
 * A combination holds numbers in ascending order, which is the order of Fabric's walk.
 */
function permute(
  rules: readonly Rule[],
  limit: number,
): { readonly permutations: readonly (readonly number[])[]; readonly exceeded: boolean } {
  let permutations: (readonly number[])[] = [[0]];
  let exceeded = false;
  for (let gate = 0; gate < rules.length; gate++) {
    const { children, threshold } = rules[gate];
    // Nothing chosen leaves the gate itself, which nobody can sign for.
    if (children === undefined || threshold === 0) continue;
    const affected: (readonly number[])[] = [];
    const next: (readonly number[])[] = [];
    for (const one of permutations) (one.includes(gate) ? affected : next).push(one);
    if (affected.length === 0) continue;
    const choices = choose(children, threshold, limit);
    if (choices.exceeded) exceeded = true;
    let size = next.reduce((sum, one) => sum + one.length, 0);
    for (const permutation of affected) {
      const rest = permutation.filter((one) => one !== gate);
      for (const chosen of choices.combinations) {
        if (next.length >= limit || size > maxCombinedPrincipals) {
          exceeded = true;
          break;
        }
        next.push(merged(rest, chosen));
        size += rest.length + chosen.length;
      }
    }
    permutations = next;
  }
  return { permutations, exceeded };
}

/** k of the items, in lexicographic order, at most `limit` of them. */
function choose(items: readonly number[], k: number, limit: number) {
  const combinations: number[][] = [];
  if (k < 0 || k > items.length) return { combinations, exceeded: false };
  const at = Array.from({ length: k }, (_, i) => i);
  for (;;) {
    if (combinations.length >= limit || combinations.length * k > maxCombinedPrincipals) {
      return { combinations, exceeded: true };
    }
    combinations.push(at.map((i) => items[i]));
    let last = k - 1;
    while (last >= 0 && at[last] === items.length - k + last) last--;
    if (last < 0) return { combinations, exceeded: false };
    at[last]++;
    for (let i = last + 1; i < k; i++) at[i] = at[i - 1] + 1;
  }
}

/** Two ascending lists as one. */
function merged(a: readonly number[], b: readonly number[]): readonly number[] {
  if (a.length === 0) return b;
  return [...a, ...b].sort((one, other) => one - other);
}

/** Without the rules that no known peers can satisfy, so that the limit is spent on what helps. */
function withoutUnusable(
  rules: readonly Rule[],
  usable: (identity: number) => boolean,
): readonly Rule[] {
  const kept: Rule[] = [...rules];
  const works: boolean[] = [];
  for (let i = rules.length - 1; i >= 0; i--) { // sub-rules have higher numbers than their gate
    const { children, threshold, identity } = rules[i];
    if (children === undefined) {
      works[i] = identity === undefined || usable(identity);
      continue;
    }
    const working = children.filter((child) => works[child]);
    works[i] = working.length >= threshold;
    if (works[i]) kept[i] = { ...rules[i], children: working };
  }
  return kept;
}
