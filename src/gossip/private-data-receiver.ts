/**
 * Private writes that endorsers send: into the transient store until their transaction commits.
 * Mirrors privateDataMessage of gossip/state/state.go.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { text } from "../base/bytes.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Envelope, GossipMessage } from "../gen/gossip/message_pb.ts";
import { TxPvtReadWriteSetSchema } from "../gen/ledger/rwset/rwset_pb.ts";
import { TxPvtReadWriteSetWithConfigInfoSchema } from "../gen/transientstore/transientstore_pb.ts";
import type { PeerLedger } from "../ledger/types.ts";
import type { SignedData } from "../policy/types.ts";
import type { RemotePeer } from "./handshake.ts";
import { acknowledgement } from "./private-data-message.ts";

export interface PrivateDataReceiverOptions {
  /** Undefined for a channel that this peer has not joined. */
  ledger(channelId: string): Pick<PeerLedger, "transientStore"> | undefined;
  /** @throws DenimError for one who may not read the channel */
  requireReader(channelId: string, signed: SignedData): void;
  readonly logger: Logger;
}

export class PrivateDataReceiver {
  constructor(private readonly options: PrivateDataReceiverOptions) {}

  /**
   * Keeps what the message brings. Whoever may read the channel may send: the block's hashes decide
   * later what of it is true.
   * @param sender proves who sends. @throws DenimError
   * @returns the acknowledgement; undefined for a message that deserves none
   */
  receive(message: GossipMessage, sender: () => RemotePeer): Envelope | undefined {
    const { logger } = this.options;
    if (message.content.case !== "privateData") return undefined;
    const channelId = text(message.channel);
    const payload = message.content.value.payload;
    const ledger = this.options.ledger(channelId);
    if (ledger === undefined || payload === undefined || payload.privateRwset.length === 0) {
      logger.debug("Malformed private data message, or one of another channel", { channelId });
      return undefined;
    }
    const { namespace, collectionName, privateRwset: rwset, txId, collectionConfigs } = payload;
    try {
      this.options.requireReader(channelId, sender().signed);
    } catch (error) {
      logger.warn(`Private data from one who may not send it: ${messageOf(error)}`, { channelId });
      return undefined;
    }
    try {
      ledger.transientStore.persist(
        txId,
        Number(payload.privateSimHeight),
        create(TxPvtReadWriteSetSchema, {
          nsPvtRwset: [{ namespace, collectionPvtRwset: [{ collectionName, rwset }] }],
        }),
        collectionConfigs && toBinary(
          TxPvtReadWriteSetWithConfigInfoSchema,
          create(TxPvtReadWriteSetWithConfigInfoSchema, {
            collectionConfigs: { [namespace]: collectionConfigs },
          }),
        ),
      );
    } catch (error) {
      logger.error(
        `Wasn't able to persist private data for collection ${collectionName}, due to ` +
          messageOf(error),
        { channelId, txId },
      );
      return acknowledgement(message.nonce, messageOf(error));
    }
    logger.debug(`Private data for collection ${collectionName} has been stored`, { txId });
    return acknowledgement(message.nonce);
  }
}
