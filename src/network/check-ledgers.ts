/** Do the orderer and the peers of a development network still have what they had? */
import { join } from "node:path";
import { DenimError, messageOf } from "../base/errors.ts";
import type { PeerNode } from "../node/peer-node.ts";
import { damagedNetwork } from "./check-network.ts";
import type { NetworkLayout } from "./layout.ts";
import type { NetworkOrderer } from "./network-orderer.ts";
import type { NetworkSettings } from "./settings.ts";

/** Is it a database that cannot be read? */
export function isDamage(error: unknown): boolean {
  return error instanceof DenimError && error.code === "ledger-damaged";
}

/** What one peer has lost, the orderer still has. */
export function damagedLedger(
  { directory, organizations }: NetworkLayout,
  organization: number,
  cause: unknown,
): DenimError {
  const { peerHost, dataPath } = organizations[organization];
  return damagedNetwork(
    directory,
    `${peerHost}: ${messageOf(cause)}`,
    `restore it from a backup, or delete ${join(dataPath, "ledgersData")}: the peer then fetches ` +
      "the blocks from the orderer again (private data is lost)",
    cause,
  );
}

/**
 * A peer whose ledger cannot be opened, or an orderer that knows less than its peers, would seem to
 * work and then fail at every transaction.
 *
 * @throws DenimError `damaged-network`
 */
export function checkLedgers(
  layout: NetworkLayout,
  { channelId }: NetworkSettings,
  peers: readonly PeerNode[],
  orderer: NetworkOrderer,
): void {
  for (const [i, { channels }] of peers.entries()) {
    const failure = channels.failures.get(channelId);
    if (failure !== undefined) throw damagedLedger(layout, i, failure);
    const height = channels.ledger(channelId)?.info().height ?? 0;
    if (orderer.height(channelId) < height) {
      throw damagedNetwork(
        layout.directory,
        `the orderer has ${orderer.height(channelId)} blocks of channel ${channelId}, ` +
          `${layout.organizations[i].peerHost} has ${height}`,
        `restore ${layout.orderer.dataPath} from a backup`,
      );
    }
  }
}
