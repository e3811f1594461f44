/** Brings the peers of a development network into its channel. */
import { existsSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { toBinary } from "@bufbuild/protobuf";
import type { Clock } from "../base/clock.ts";
import { DenimError } from "../base/errors.ts";
import { networkClient } from "../client/network-client.ts";
import { endorse } from "../client/endorse.ts";
import { readBlock, seekEnvelope } from "../client/seek.ts";
import { type Block, BlockSchema, EnvelopeSchema, HeaderType } from "../gen/common/common_pb.ts";
import type { PeerNode } from "../node/peer-node.ts";
import { invocationOf } from "../protocol/proposal.ts";
import { readArtifact } from "./check-network.ts";
import { type NetworkLayout, networkOrganization } from "./layout.ts";
import type { NetworkSettings } from "./settings.ts";

/** How long a new channel may take until its first block can be read. */
const channelTimeoutMs = 10_000;

/** Creates the channel where the orderer has none yet, and joins the peers that have not. */
export async function joinChannel(
  layout: NetworkLayout,
  { channelId }: NetworkSettings,
  peers: readonly PeerNode[],
  clock: Clock,
): Promise<void> {
  for (const [i, peer] of peers.entries()) {
    if (peer.channels.get(channelId)) continue;
    if (peer.channels.failures.has(channelId)) throw peer.channels.failures.get(channelId);
    const client = await networkClient(
      {
        directory: layout.directory,
        ordererAddress: layout.orderer.address,
        ordererTlsRootCertFile: layout.orderer.tlsRootCertFile,
      },
      networkOrganization(layout.organizations[i]),
      clock,
    );
    try {
      const block = await firstBlock(layout, channelId, client);
      const join = invocationOf("cscc", ["JoinChain", toBinary(BlockSchema, block)]);
      const { responses: [answer] } = await endorse(client, "", join, { type: HeaderType.CONFIG });
      if (answer.response?.status !== 200) {
        throw new DenimError(
          "join-refused",
          `${layout.organizations[i].peerHost} did not join ${channelId}: ` +
            `${answer.response?.message}`,
        );
      }
    } finally {
      client.close();
    }
  }
}

/** The channel's first block: from the last start, or from the orderer after creating the channel. */
async function firstBlock(
  layout: NetworkLayout,
  channelId: string,
  client: Awaited<ReturnType<typeof networkClient>>,
): Promise<Block> {
  if (existsSync(layout.channelBlockFile)) {
    return await readArtifact(layout, BlockSchema, layout.channelBlockFile);
  }
  const { orderer, signer, clock } = client;
  const read = (signal: AbortSignal): Promise<Block> => {
    const request = seekEnvelope({ channelId, signer, clock, start: 0n, stop: 0n });
    return readBlock(orderer.deliver(signal), request);
  };
  const deadline = AbortSignal.timeout(channelTimeoutMs);
  let block: Block;
  try {
    // A start that was cut off may have created it already.
    block = await read(deadline);
  } catch {
    await orderer.broadcast(
      await readArtifact(layout, EnvelopeSchema, layout.channelTransactionFile),
    );
    block = await readUntilThere(read, deadline);
  }
  await writeFile(`${layout.channelBlockFile}.part`, toBinary(BlockSchema, block));
  await rename(`${layout.channelBlockFile}.part`, layout.channelBlockFile);
  return block;
}

/** The orderer answers the creation before the channel can be read: asks until it can. */
async function readUntilThere(
  read: (signal: AbortSignal) => Promise<Block>,
  deadline: AbortSignal,
): Promise<Block> {
  const pauseMs = 5;
  for (;;) {
    try {
      return await read(deadline);
    } catch (error) {
      if (deadline.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
