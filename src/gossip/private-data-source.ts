/**
 * Gives private data to peers that ask for it and may hold it: of committed blocks from the ledger,
 * before that from the transient store. Mirrors handleRequest of gossip/privdata/pull.go.
 */
import { create } from "@bufbuild/protobuf";
import { text } from "../base/bytes.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import {
  type Envelope,
  type GossipMessage,
  type PvtDataDigest,
  type PvtDataElement,
  PvtDataElementSchema,
} from "../gen/gossip/message_pb.ts";
import type { TxPvtReadWriteSet } from "../gen/ledger/rwset/rwset_pb.ts";
import type { PeerLedger } from "../ledger/types.ts";
import type { RemotePeer } from "./handshake.ts";
import { maxAnswerBytes, maxDigests, privateDataResponse } from "./private-data-exchange.ts";

export interface PrivateDataSourceOptions {
  /** Undefined for a channel that this peer has not joined. */
  ledger(
    channelId: string,
  ): Pick<PeerLedger, "info" | "privateDataOfBlock" | "transientStore"> | undefined;
  /** May this peer hold the collection's data? */
  isHolder(channelId: string, namespace: string, collection: string, peer: Uint8Array): boolean;
  readonly logger: Logger;
}

export class PrivateDataSource {
  constructor(private readonly options: PrivateDataSourceOptions) {}

  /** @param asking proves who asks. @throws DenimError @returns the answer; undefined where none is due */
  answer(message: GossipMessage, asking: () => RemotePeer): Envelope | undefined {
    if (message.content.case !== "privateReq") return undefined;
    const { logger } = this.options;
    const channelId = text(message.channel);
    const ledger = this.options.ledger(channelId);
    if (ledger === undefined) return undefined;
    let identity: Uint8Array;
    try {
      ({ identity } = asking());
    } catch (error) {
      logger.warn(`Private data is asked for by one who is not known: ${messageOf(error)}`);
      return undefined;
    }
    const elements: PvtDataElement[] = [];
    let bytes = 0;
    for (const digest of message.content.value.digests.slice(0, maxDigests)) {
      const { namespace, collection } = digest;
      if (!this.options.isHolder(channelId, namespace, collection, identity)) continue;
      const payload = this.#payload(ledger, digest);
      if (payload.length === 0) continue;
      bytes += payload.reduce((sum, { length }) => sum + length, 0);
      if (bytes > maxAnswerBytes && elements.length > 0) break;
      elements.push(create(PvtDataElementSchema, { digest, payload }));
    }
    return privateDataResponse(channelId, elements, message.nonce);
  }

  #payload(
    ledger: Pick<PeerLedger, "info" | "privateDataOfBlock" | "transientStore">,
    { txId, namespace, collection, blockSeq, seqInBlock }: PvtDataDigest,
  ): Uint8Array[] {
    const committed = blockSeq < BigInt(ledger.info().height)
      ? ledger.privateDataOfBlock(Number(blockSeq)).get(Number(seqInBlock))
      : undefined;
    const sets: readonly TxPvtReadWriteSet[] = committed === undefined
      ? ledger.transientStore.get(txId)
      : [committed];
    return sets.flatMap((set) => set.nsPvtRwset)
      .filter((set) => set.namespace === namespace)
      .flatMap((set) => set.collectionPvtRwset)
      .filter(({ collectionName }) => collectionName === collection)
      .map(({ rwset }) => rwset);
  }
}
