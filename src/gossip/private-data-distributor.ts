/**
 * Sends private writes to the peers that may hold them, before the endorsement is signed: a
 * collection's `requiredPeerCount` must have them, `maximumPeerCount` may. Mirrors
 * gossip/privdata/distributor.go; as in later versions, each peer counts once.
 */
import { create, fromBinary } from "@bufbuild/protobuf";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Membership, PeerMember } from "../discovery/types.ts";
import { collectionConfigsOf, type PrivateDataDistributor } from "../endorser/private-data.ts";
import {
  CollectionConfigPackageSchema,
  type StaticCollectionConfig,
} from "../gen/common/collection_pb.ts";
import {
  type Envelope,
  type PrivatePayload,
  PrivatePayloadSchema,
} from "../gen/gossip/message_pb.ts";
import { TxPvtReadWriteSetWithConfigInfoSchema } from "../gen/transientstore/transientstore_pb.ts";
import { privateDataEnvelope } from "./private-data-message.ts";

export interface PrivateDataDistributorOptions {
  readonly membership: Pick<Membership, "channelPeers">;
  /** May this peer hold the collection's data? False for a policy that cannot be evaluated. */
  isHolder(channelId: string, collection: StaticCollectionConfig, member: PeerMember): boolean;
  /** Sends, and resolves when the peer has acknowledged. */
  send(member: PeerMember, envelope: Envelope, nonce: bigint): Promise<void>;
  randomNonce(): bigint;
  /** In [0, 1). */
  random(): number;
  readonly logger: Logger;
}

/** One group of peers that get a message, and how many must have it. */
interface Dissemination {
  readonly payload: PrivatePayload;
  readonly members: readonly PeerMember[];
  readonly required: number;
}

/** To be followed by the local transient store. @throws DenimError `private-data-not-distributed` with Fabric's text */
export function createPrivateDataDistributor(
  options: PrivateDataDistributorOptions,
): PrivateDataDistributor {
  return async (ledger, txId, set) => {
    const { channelId } = ledger;
    const { collectionConfigs } = fromBinary(
      TxPvtReadWriteSetWithConfigInfoSchema,
      collectionConfigsOf(ledger, set),
    );
    const privateSimHeight = BigInt(ledger.info().height);
    const plans: Dissemination[] = [];
    for (const { namespace, collectionPvtRwset } of set.nsPvtRwset) {
      for (const { collectionName, rwset } of collectionPvtRwset) {
        const config = collectionConfigs[namespace]?.config.find(({ payload }) =>
          payload.value?.name === collectionName
        );
        if (config?.payload.case !== "staticCollectionConfig") continue;
        const collection = config.payload.value;
        const payload = create(PrivatePayloadSchema, {
          namespace,
          collectionName,
          txId,
          privateRwset: rwset,
          privateSimHeight,
          collectionConfigs: create(CollectionConfigPackageSchema, { config: [config] }),
        });
        plans.push(...planOf(channelId, collection, payload, options));
      }
    }
    const results = await Promise.all(
      plans.map((plan) => disseminate(channelId, plan, options)),
    );
    const failed = results.filter((done) => !done).length;
    if (failed === 0) return;
    throw new DenimError(
      "private-data-not-distributed",
      `Failed disseminating ${failed} out of ${results.length} private dissemination plans`,
      { channelId, txId },
      "The collection's requiredPeerCount other peers must be reachable and known: see the peer's log.",
    );
  };
}

/** One peer of each organisation, then others, until `maximumPeerCount`. */
function planOf(
  channelId: string,
  collection: StaticCollectionConfig,
  payload: PrivatePayload,
  { membership, isHolder, random }: PrivateDataDistributorOptions,
): Dissemination[] {
  let { maximumPeerCount: maximum, requiredPeerCount: required } = collection;
  const holders = membership.channelPeers(channelId)
    .filter((member) => !member.local && isHolder(channelId, collection, member));
  const rest = shuffled(holders, random);
  const plans: Dissemination[] = [];
  for (const mspId of new Set(holders.map((member) => member.mspId))) {
    if (maximum <= 0) return plans;
    const [chosen] = rest.splice(rest.findIndex((member) => member.mspId === mspId), 1);
    plans.push({ payload, members: [chosen], required: required > 0 ? 1 : 0 });
    maximum--;
    if (required > 0) required--;
  }
  if (maximum > 0 || required > 0) {
    plans.push({ payload, members: rest.slice(0, Math.max(0, maximum)), required });
  }
  return plans;
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items.map((item) => ({ item, order: random() }))
    .toSorted((a, b) => a.order - b.order).map(({ item }) => item);
}

/** Resolves as soon as enough peers have it; the others get it all the same. */
async function disseminate(
  channelId: string,
  { payload, members, required }: Dissemination,
  { send, randomNonce, logger }: PrivateDataDistributorOptions,
): Promise<boolean> {
  const { txId, namespace, collectionName } = payload;
  const facts = { channelId, txId, namespace, collection: collectionName };
  const failed = (reason: string) => {
    logger.error(`Failed disseminating private RWSet: ${reason}`, facts);
    return false;
  };
  if (members.length < required) {
    return failed(
      `Requested to send to at least ${required} peers, but know only of ${members.length} suitable peers`,
    );
  }
  const nonce = randomNonce();
  const envelope = privateDataEnvelope(channelId, payload, nonce);
  let missing = required;
  return await new Promise((resolve) => {
    if (missing === 0) resolve(true);
    let left = members.length;
    for (const member of members) {
      send(member, envelope, nonce).then(() => {
        if (--missing === 0) resolve(true);
      }, (error) => {
        logger.warn(`Failed sending to ${member.endpoint}: ${messageOf(error)}`, facts);
      }).finally(() => {
        if (--left === 0 && missing > 0) {
          resolve(failed(`${required - missing} of ${required} peers have acknowledged`));
        }
      });
    }
  });
}
