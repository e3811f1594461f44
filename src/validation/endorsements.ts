/**
 * Who endorsed a transaction, with signatures checked beforehand, and whether that satisfies a
 * policy. Mirrors common/cauthdsl/policy.go (Evaluate, deduplicate), split so that all signatures
 * of a block are verified in one batch.
 */
import { concat, hex } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import type { SignatureCheck } from "../crypto/types.ts";
import type { Endorsement } from "../gen/peer/proposal_response_pb.ts";
import type { Identity, IdentityDeserializer } from "../msp/types.ts";
import type { Policy } from "../policy/types.ts";

/** Signature checks of a whole block; `results` answers them by ticket after one batch. */
export class SignatureBatch {
  readonly checks: SignatureCheck[] = [];
  #results: readonly boolean[] = [];

  /** The ticket of the check, or undefined where there is nothing that could be checked. */
  add(identity: Identity, message: Uint8Array, signature: Uint8Array): number | undefined {
    let check: SignatureCheck;
    try {
      check = identity.signatureCheck(message, signature);
    } catch {
      return undefined;
    }
    return this.checks.push(check) - 1;
  }

  /** Results in the order of `checks`. */
  settle(results: readonly boolean[]): void {
    this.#results = results;
  }

  holds(ticket: number | undefined): boolean {
    return ticket !== undefined && this.#results[ticket] === true;
  }
}

/** The identities whose signatures count, each once, and a name for that combination. */
export interface Signers {
  readonly identities: readonly Identity[];
  readonly key: string;
}

export function signersOf(identities: readonly Identity[]): Signers {
  return {
    identities,
    key: identities.map((identity) => `${identity.mspId}/${identity.id}`).join(","),
  };
}

interface Candidate {
  readonly identity: Identity;
  readonly ticket: number | undefined;
}

/** Endorsements of one transaction, queued in a batch and read when it has settled. */
export class EndorsementSet {
  readonly #candidates: Candidate[] = [];
  readonly #batch: SignatureBatch;
  #signers: Signers | undefined;

  constructor(
    responsePayload: Uint8Array,
    endorsements: readonly Endorsement[],
    deserializer: IdentityDeserializer,
    batch: SignatureBatch,
  ) {
    this.#batch = batch;
    const seen = new Set<string>();
    for (const { endorser, signature } of endorsements) {
      const identity = tryDeserialize(deserializer, endorser);
      if (!identity) continue;
      // The first signature of an identity is the one that counts, even when it is a bad one.
      const name = identity.mspId + identity.id;
      if (seen.has(name)) continue;
      seen.add(name);
      const ticket = batch.add(identity, concat(responsePayload, endorser), signature);
      this.#candidates.push({ identity, ticket });
    }
  }

  get signers(): Signers {
    this.#signers ??= signersOf(
      this.#candidates.filter(({ ticket }) => this.#batch.holds(ticket)).map((c) => c.identity),
    );
    return this.#signers;
  }
}

/** The identity, or undefined where the bytes name none of the channel's. */
export function tryDeserialize(
  deserializer: IdentityDeserializer,
  serialized: Uint8Array,
): Identity | undefined {
  try {
    return deserializer.deserializeIdentity(serialized);
  } catch (error) {
    if (error instanceof DenimError) return undefined;
    throw error;
  }
}

/** Compiles a serialized SignaturePolicyEnvelope. @throws DenimError what is wrong with it */
export type PolicyCompiler = (
  policyBytes: Uint8Array,
  deserializer: IdentityDeserializer,
) => Policy;

interface CompiledPolicy {
  readonly policy: Policy | undefined;
  readonly problem: string;
  readonly outcomes: Map<string, string | undefined>;
}

/** Evaluates policies of one block: each compiled once, each combination of signers asked once. */
export class PolicyEvaluator {
  readonly #compiled = new Map<string, CompiledPolicy>();

  constructor(
    private readonly compile: PolicyCompiler,
    private readonly deserializer: IdentityDeserializer,
  ) {}

  /** Undefined when satisfied, else why not. */
  evaluate(policyBytes: Uint8Array, signers: Signers): string | undefined {
    const { policy, problem, outcomes } = this.#policy(policyBytes);
    if (!policy) return problem;
    if (outcomes.has(signers.key)) return outcomes.get(signers.key);
    const outcome = reasonOf(() => policy.evaluateIdentities(signers.identities));
    outcomes.set(signers.key, outcome);
    return outcome;
  }

  #policy(policyBytes: Uint8Array): CompiledPolicy {
    const name = hex(policyBytes);
    let compiled = this.#compiled.get(name);
    if (!compiled) {
      let policy: Policy | undefined;
      const problem = reasonOf(() => {
        policy = this.compile(policyBytes, this.deserializer);
      });
      compiled = { policy, problem: problem ?? "", outcomes: new Map() };
      this.#compiled.set(name, compiled);
    }
    return compiled;
  }
}

function reasonOf(action: () => void): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    if (error instanceof DenimError) return error.message;
    throw error;
  }
}
