/** What a peer checks before it joins a channel. Mirrors core/scc/cscc and core/peer createChain. */
import { decodeAsGo } from "../protocol/go-wire.ts";
import { type Block, BlockSchema } from "../gen/common/common_pb.ts";
import { messageOf } from "../base/errors.ts";
import { type BundleDeps, bundleFromBlock, type ChannelBundle } from "./bundle.ts";
import { channelError, within } from "./channel-error.ts";
import { channelIdOf, validateConfigBlock } from "./config-block.ts";

/** A block that may be joined, with its configuration compiled. */
export interface JoinableChannel {
  readonly channelId: string;
  readonly block: Block;
}

/**
 * The block of a JoinChain request, checked as cscc checks it before it looks at who asks.
 * @throws DenimError `bad-config-block` with cscc's answer
 */
export function parseJoinBlock(bytes: Uint8Array): JoinableChannel {
  let block: Block;
  try {
    block = decodeAsGo(BlockSchema, bytes);
  } catch (error) {
    throw channelError(
      "bad-config-block",
      `Failed to reconstruct the genesis block, ${messageOf(error)}`,
    );
  }
  let channelId: string;
  try {
    channelId = channelIdOf(block);
  } catch (error) {
    throw channelError(
      "bad-config-block",
      `"JoinChain" request failed to extract channel id from the block due to [${
        messageOf(error)
      }]`,
    );
  }
  try {
    validateConfigBlock(block);
  } catch (error) {
    throw channelError(
      "bad-config-block",
      `"JoinChain" for chainID = ${channelId} failed because of validation of configuration ` +
        `block, because of ${messageOf(error)}`,
      { channelId },
    );
  }
  return { channelId, block };
}

/**
 * The configuration of a channel to be joined or opened.
 * @param index where the CONFIG transaction stands in the block
 * @throws DenimError `bad-config`, `bad-channel-id`, and where this peer is too old for the channel
 */
export function joinBundle(block: Block, deps: BundleDeps, index = 0): ChannelBundle {
  const bundle = within("bad-config", "", () => bundleFromBlock(block, deps, index));
  requireSupportedCapabilities(bundle);
  if (bundle.orderer === undefined) {
    throw channelError("bad-config", "no orderer config in bundle", {
      channelId: bundle.channelId,
    });
  }
  if (bundle.ordererAddresses.length === 0) {
    throw channelError(
      "bad-config",
      "no ordering service endpoint provided in configuration block",
      { channelId: bundle.channelId },
    );
  }
  return bundle;
}

/** A peer must stop before a configuration it does not understand. @throws DenimError `bad-config` */
export function requireSupportedCapabilities(bundle: ChannelBundle): void {
  if (bundle.unsupportedCapabilities.length > 0) {
    throw channelError(
      "bad-config",
      `[channel ${bundle.channelId}] incompatible: ${bundle.unsupportedCapabilities.join("; ")}`,
      { channelId: bundle.channelId, unsupported: bundle.unsupportedCapabilities },
    );
  }
}
