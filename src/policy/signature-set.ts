/** Who signed: identities in order, each once, with their signatures checked at most once. */
import { messageOf } from "../base/errors.ts";
import { type Logger, silentLogger } from "../base/logger.ts";
import type { SignatureCheck } from "../crypto/types.ts";
import type { Identity, IdentityDeserializer } from "../msp/types.ts";
import type { SignedData } from "./types.ts";

/** A signer and whether its signature holds; asked lazily, answered once. */
export interface SetEntry {
  readonly identity: Identity;
  signatureHolds(): boolean;
}

export type SignatureSet = readonly SetEntry[];

function once(check: () => boolean): () => boolean {
  let known: boolean | undefined;
  return () => known ??= check();
}

/** Leaves out identities seen before (the first one counts, even if its signature is bad). */
function unique<T extends { readonly identity: Identity }>(entries: readonly T[]): T[] {
  const seen = new Set<string>();
  return entries.filter(({ identity }) => {
    const key = identity.mspId + identity.id;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function deserializeAll(
  signed: readonly SignedData[],
  deserializer: IdentityDeserializer,
  logger: Logger,
): { identity: Identity; signed: SignedData }[] {
  return unique(signed.flatMap((one, index) => {
    try {
      return [{ identity: deserializer.deserializeIdentity(one.identity), signed: one }];
    } catch (thrown) {
      logger.warn(`Principal deserialization failure (${messageOf(thrown)}) for identity ${index}`);
      return [];
    }
  }));
}

/** Mirrors cauthdsl's deduplicate: unreadable and repeated identities are left out. */
export function signatureSet(
  signed: readonly SignedData[],
  deserializer: IdentityDeserializer,
  logger: Logger = silentLogger,
): SignatureSet {
  return deserializeAll(signed, deserializer, logger).map((one) => ({
    identity: one.identity,
    signatureHolds: once(() => one.identity.verify(one.signed.data, one.signed.signature)),
  }));
}

/** A set over identities whose signatures were verified before. */
export function verifiedSet(identities: readonly Identity[]): SignatureSet {
  return unique(identities.map((identity) => ({ identity, signatureHolds: () => true })));
}

/**
 * For verification in batches: the identities (unreadable and repeated ones left out) and the check
 * of each. Keep those whose check holds and give them to `Policy.evaluateIdentities`; the outcome is
 * that of `Policy.evaluate`.
 */
export function signatureChecks(
  signed: readonly SignedData[],
  deserializer: IdentityDeserializer,
  logger: Logger = silentLogger,
): { identities: Identity[]; checks: SignatureCheck[] } {
  const all = deserializeAll(signed, deserializer, logger);
  return {
    identities: all.map(({ identity }) => identity),
    checks: all.map(({ identity, signed: { data, signature } }) =>
      identity.signatureCheck(data, signature)
    ),
  };
}
