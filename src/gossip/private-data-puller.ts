/** Asks other peers for private data that this one may hold and lacks. Mirrors fetch of gossip/privdata/pull.go. */
import { create } from "@bufbuild/protobuf";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Membership, PeerMember } from "../discovery/types.ts";
import {
  type PvtDataDigest,
  PvtDataDigestSchema,
  type PvtDataElement,
} from "../gen/gossip/message_pb.ts";
import { maxDigests } from "./private-data-exchange.ts";

/** Names the private writes of one transaction in one collection. */
export interface PrivateDataName {
  readonly blockNumber: number;
  readonly txNumber: number;
  readonly txId: string;
  readonly namespace: string;
  readonly collection: string;
}

export interface PulledPrivateData extends PrivateDataName {
  /** What peers gave, unchecked: serialized KVRWSets. */
  readonly rwsets: readonly Uint8Array[];
}

export interface PrivateDataPullerOptions {
  readonly membership: Pick<Membership, "channelPeers">;
  isHolder(channelId: string, namespace: string, collection: string, peer: Uint8Array): boolean;
  ask(
    member: PeerMember,
    channelId: string,
    digests: readonly PvtDataDigest[],
    timeoutMs: number,
  ): Promise<readonly PvtDataElement[]>;
  /** In [0, 1). */
  random(): number;
  readonly logger: Logger;
}

const keyOf = (blockNumber: bigint | number, txNumber: bigint | number, ns: string, coll: string) =>
  JSON.stringify([`${blockNumber}`, `${txNumber}`, ns, coll]);

/**
 * One peer after the other, in random order, until everything is there or time is up.
 * @returns what was found; never throws
 */
export async function pullPrivateData(
  { membership, isHolder, ask, random, logger }: PrivateDataPullerOptions,
  channelId: string,
  wanted: readonly PrivateDataName[],
  { totalMs, perPeerMs }: { readonly totalMs: number; readonly perPeerMs: number },
): Promise<PulledPrivateData[]> {
  const left = new Map(
    wanted.map((name) => [
      keyOf(name.blockNumber, name.txNumber, name.namespace, name.collection),
      name,
    ]),
  );
  const deadline = performance.now() + totalMs;
  const found: PulledPrivateData[] = [];
  const members = membership.channelPeers(channelId).filter(({ local }) => !local)
    .map((member) => ({ member, order: random() })).toSorted((a, b) => a.order - b.order);
  for (const { member } of members) {
    const timeoutMs = Math.min(perPeerMs, deadline - performance.now());
    if (left.size === 0 || timeoutMs <= 0) break;
    const digests = [...left.values()]
      .filter(({ namespace, collection }) =>
        isHolder(channelId, namespace, collection, member.identity)
      )
      .slice(0, maxDigests)
      .map(({ txId, namespace, collection, blockNumber, txNumber }) =>
        create(PvtDataDigestSchema, {
          txId,
          namespace,
          collection,
          blockSeq: BigInt(blockNumber),
          seqInBlock: BigInt(txNumber),
        })
      );
    if (digests.length === 0) continue;
    try {
      for (const { digest, payload } of await ask(member, channelId, digests, timeoutMs)) {
        if (digest === undefined || payload.length === 0) continue;
        const { blockSeq, seqInBlock, namespace, collection } = digest;
        const key = keyOf(blockSeq, seqInBlock, namespace, collection);
        const name = left.get(key);
        if (name === undefined) continue;
        left.delete(key);
        found.push({ ...name, rwsets: payload });
      }
    } catch (error) {
      logger.debug(`${member.endpoint} gives no private data: ${messageOf(error)}`, { channelId });
    }
  }
  return found;
}
