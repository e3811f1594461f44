/**
 * The policy language: AND, OR and OutOf over principals like 'Org1MSP.member'.
 * Gives the same message, byte for byte, as cauthdsl.FromString of Fabric 1.4.2: identities are
 * listed in the order in which gates close, inner gates before outer ones, without deduplication.
 */
import type { SignaturePolicy, SignaturePolicyEnvelope } from "../gen/common/policies_pb.ts";
import type { MSPPrincipal } from "../gen/msp/msp_principal_pb.ts";
import { nOutOf, policyEnvelope, Role, rolePrincipal, signedBy } from "./envelopes.ts";
import { describe, expressionError, type Token, tokenize } from "./tokens.ts";

/** Gates within gates; far beyond any policy people write. */
const maxNesting = 200;

const gates: Readonly<Record<string, "and" | "or" | "outof">> = {
  And: "and",
  and: "and",
  AND: "and",
  Or: "or",
  or: "or",
  OR: "or",
  OutOf: "outof",
  outof: "outof",
  OUTOF: "outof",
};

const roles: Readonly<Record<string, Role>> = {
  member: Role.MEMBER,
  admin: Role.ADMIN,
  client: Role.CLIENT,
  peer: Role.PEER,
};
const roleNames = "member, admin, client or peer";
const principalForm = /^([A-Za-z0-9.-]+)\.(admin|member|client|peer)$/;

interface Principal {
  readonly mspId: string;
  readonly role: Role;
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #identities: MSPPrincipal[] = [];
  #next = 0;

  constructor(readonly expression: string) {
    this.#tokens = tokenize(expression);
  }

  parse(): SignaturePolicyEnvelope {
    const first = this.#peek();
    const rule = first.kind === "name" || first.kind === "(" ? this.#part(-1) : undefined;
    if (!rule || "mspId" in rule) {
      throw this.#error(first, `expected AND, OR or OutOf, got ${describe(first)}`);
    }
    const rest = this.#take();
    if (rest.kind !== "end") {
      throw this.#error(rest, `expected the end of the policy, got ${describe(rest)}`);
    }
    return policyEnvelope(rule, this.#identities);
  }

  #gate(token: Token, name: string, depth: number): SignaturePolicy {
    const gate = Object.hasOwn(gates, name) ? gates[name] : undefined;
    if (!gate) {
      throw this.#error(
        token,
        `unrecognized token '${name}' in policy string`,
        principalForm.test(name)
          ? `Put the principal into quotes: '${name}'.`
          : "Expected AND, OR or OutOf.",
      );
    }
    if (depth > maxNesting) throw this.#error(token, "gates are nested too deeply");
    this.#expect("(", `after ${name}`);
    const count = gate === "outof" ? this.#count(name) : undefined;
    const parts: (Principal | SignaturePolicy)[] = [];
    if (this.#peek().kind !== ")" || count) {
      do parts.push(this.#part(depth)); while (this.#takeIf(","));
    }
    const end = this.#take();
    if (end.kind !== ")") throw this.#error(end, `expected ',' or ')', got ${describe(end)}`);
    if (parts.length === 0) {
      throw this.#error(
        token,
        "Expected at least two arguments to NOutOf. Given 1",
        `${name} needs at least one principal.`,
      );
    }
    // Only now, when the gate closes, do its principals get their places.
    const rules = parts.map((part) => {
      if (!("mspId" in part)) return part;
      this.#identities.push(rolePrincipal(part.mspId, part.role));
      return signedBy(this.#identities.length - 1);
    });
    return nOutOf(this.#threshold(token, gate, count, rules.length), rules);
  }

  #count(name: string): { value: number; token: Token } {
    const token = this.#take();
    const numeric = token.kind === "number" ||
      (token.kind === "text" && /^-?\d+$/.test(token.value));
    if (!numeric || !("value" in token)) {
      throw this.#error(
        token,
        `expected a number as the first argument of ${name}, got ${describe(token)}`,
        "OutOf takes how many, then the principals: OutOf(2, 'Org1MSP.member', 'Org2MSP.member').",
      );
    }
    this.#expect(",", `after the number of ${name}`);
    return { value: Math.trunc(Number(token.value)), token };
  }

  #threshold(
    token: Token,
    gate: "and" | "or" | "outof",
    count: { value: number; token: Token } | undefined,
    n: number,
  ): number {
    if (gate === "and") return n;
    if (gate === "or") return 1;
    const t = count?.value ?? -1;
    // One more than there are is allowed (and never satisfied), as in Fabric.
    if (t < 0 || t > n + 1) {
      throw this.#error(
        count?.token ?? token,
        `Invalid t-out-of-n predicate, t ${t}, n ${n}`,
        `Choose a number from 1 to ${n}.`,
      );
    }
    return t;
  }

  #part(depth: number): Principal | SignaturePolicy {
    const token = this.#take();
    if (token.kind === "name") return this.#gate(token, token.value, depth + 1);
    if (token.kind === "text") return this.#principal(token, token.value);
    if (token.kind === "(" && depth < maxNesting) {
      const inner = this.#part(depth + 1);
      this.#expect(")", "after what stands in parentheses");
      return inner;
    }
    throw this.#error(
      token,
      `expected a principal or a gate, got ${describe(token)}`,
      "A principal is 'MSPID.role' in quotes, a gate AND(…), OR(…) or OutOf(n, …).",
    );
  }

  #principal(token: Token, value: string): Principal {
    const match = principalForm.exec(value);
    if (match) return { mspId: match[1], role: roles[match[2]] };
    const dot = value.lastIndexOf(".");
    const role = value.slice(dot + 1);
    const wellNamed = dot > 0 && /^[A-Za-z0-9.-]+$/.test(value.slice(0, dot));
    throw this.#error(
      token,
      `unrecognized token '${value}' in policy string`,
      wellNamed
        ? `'${role}' is not a role: expected ${roleNames}.`
        : `Expected 'MSPID.role' with letters, digits, '.' and '-' in the MSP id, and ${roleNames} as the role.`,
    );
  }

  #peek(): Token {
    return this.#tokens[this.#next];
  }

  #take(): Token {
    const token = this.#tokens[this.#next];
    if (token.kind !== "end") this.#next++;
    return token;
  }

  #takeIf(kind: Token["kind"]): boolean {
    if (this.#peek().kind !== kind) return false;
    this.#next++;
    return true;
  }

  #expect(kind: Token["kind"], where: string): void {
    const token = this.#take();
    if (token.kind !== kind) {
      throw this.#error(token, `expected '${kind}' ${where}, got ${describe(token)}`);
    }
  }

  #error(token: Token, message: string, hint?: string) {
    return expressionError(this.expression, token.at, message, hint);
  }
}

/**
 * @param expression for example `AND('Org1MSP.member', OutOf(1, 'Org2MSP.peer', 'Org3MSP.admin'))`
 * @throws DenimError `bad-policy-expression` with the position and what was expected
 */
export function parsePolicy(expression: string): SignaturePolicyEnvelope {
  return new Parser(expression).parse();
}
