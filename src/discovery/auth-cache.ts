/** Remembers who may ask, so that a client's next question costs no signature check. Mirrors discovery/authcache.go. */
import { createHash } from "node:crypto";
import type { SignedData } from "../policy/types.ts";

/** `peer.discovery.authCache…`. */
export interface AuthCacheSettings {
  readonly enabled: boolean;
  /** Entries of one channel. */
  readonly maxSize: number;
  /** Part of the entries (0 to 1) that stays when there are too many. */
  readonly purgeRetentionRatio: number;
}

export interface Eligibility {
  /** @throws DenimError saying why these signed data may not ask about the channel ("" for none) */
  check(channelId: string, signed: SignedData): void;
  /** Answers hold as long as this number does: the sequence of the channel's configuration. */
  sequence(channelId: string): bigint;
}

interface ChannelEntries {
  sequence: bigint;
  /** By request; undefined: eligible, otherwise what was thrown. In order of arrival. */
  readonly outcomes: Map<string, { readonly refusal: unknown } | undefined>;
}

export class AuthCache implements Pick<Eligibility, "check"> {
  readonly #channels = new Map<string, ChannelEntries>();

  constructor(
    private readonly eligibility: Eligibility,
    private readonly settings: AuthCacheSettings,
  ) {}

  /** Entries of a channel. */
  size(channelId: string): number {
    return this.#channels.get(channelId)?.outcomes.size ?? 0;
  }

  /** @throws DenimError the same refusal as without the cache */
  check(channelId: string, signed: SignedData): void {
    if (!this.settings.enabled) return this.eligibility.check(channelId, signed);
    const sequence = this.eligibility.sequence(channelId);
    const entries = this.#entriesOf(channelId, sequence);
    const key = keyOf(signed);
    if (entries.outcomes.has(key)) {
      const known = entries.outcomes.get(key);
      if (known !== undefined) throw known.refusal;
      return;
    }
    this.#purge(entries);
    try {
      this.eligibility.check(channelId, signed);
    } catch (refusal) {
      entries.outcomes.set(key, { refusal });
      throw refusal;
    }
    entries.outcomes.set(key, undefined);
  }

  #entriesOf(channelId: string, sequence: bigint): ChannelEntries {
    let entries = this.#channels.get(channelId);
    if (entries === undefined) {
      entries = { sequence, outcomes: new Map() };
      this.#channels.set(channelId, entries);
    }
    if (entries.sequence !== sequence) {
      entries.sequence = sequence;
      entries.outcomes.clear();
    }
    return entries;
  }

  /** Makes room for one more; the oldest go, where Fabric lets chance decide. */
  #purge({ outcomes }: ChannelEntries): void {
    const { maxSize, purgeRetentionRatio } = this.settings;
    if (outcomes.size + 1 <= maxSize) return;
    let surplus = Math.max(1, maxSize - Math.trunc(purgeRetentionRatio * maxSize));
    for (const key of outcomes.keys()) {
      if (surplus-- <= 0) return;
      outcomes.delete(key);
    }
  }
}

/** Identity, signature and data under one hash; lengths keep them apart. */
function keyOf({ data, identity, signature }: SignedData): string {
  const hash = createHash("sha256");
  for (const part of [data, identity, signature]) hash.update(`${part.length}:`).update(part);
  return hash.digest("base64");
}
