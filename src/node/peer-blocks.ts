/** What the Deliver service reads of this peer's channels. Mirrors core/peer (DeliverChainManager). */
import { collectionsBefore } from "../deliver/collections-before.ts";
import type { PeerDeliverOptions } from "../deliver/peer-deliver.ts";
import { compileSignaturePolicy } from "../policy/signature-policy.ts";
import type { Channels } from "./channels.ts";

export function peerBlocks(
  channels: Channels,
): Pick<PeerDeliverOptions, "channel" | "privateData"> {
  return {
    channel: (channelId) => {
      const channel = channels.get(channelId);
      return channel && {
        height: () => channel.ledger.info().height,
        blocksFrom: (number, signal) => channel.ledger.blocksFrom(number, signal),
        sequence: () => BigInt(channel.bundle().sequence),
      };
    },
    privateData: (channelId) => {
      const channel = channels.get(channelId);
      return channel && {
        privateDataOfBlock: (number) => channel.ledger.privateDataOfBlock(number),
        collectionsBefore: (number, chaincode) =>
          collectionsBefore(channel.ledger, number, chaincode),
        compilePolicy: (policy) => compileSignaturePolicy(policy, channel.bundle().mspManager),
      };
    },
  };
}
