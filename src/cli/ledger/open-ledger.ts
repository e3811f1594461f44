/** Finds and opens the ledger of a stopped or running peer for reading. */
import { join } from "node:path";
import { DenimError } from "../../base/errors.ts";
import { type LedgerReader, openLedgerForReading } from "../../ledger/ledger-reader.ts";
import type { Invocation } from "../command.ts";
import { UsageError } from "../flags.ts";
import { type PeerData, peerData } from "./peer-data.ts";

/** A channel's ledger and the peer whose it is. */
export interface NamedLedger {
  readonly ledger: LedgerReader;
  readonly peer: PeerData;
}

/** @throws DenimError where there is no such ledger or it cannot be read */
export async function openNamedLedger(invocation: Invocation): Promise<NamedLedger> {
  const channelId = invocation.flags.string("channelID");
  if (channelId === "") throw new UsageError("usage", "name the channel with -C");
  if (invocation.args.length > 0) {
    throw new UsageError("usage", `unexpected argument ${JSON.stringify(invocation.args[0])}`);
  }
  const peer = await peerData(invocation);
  try {
    return { ledger: openLedgerForReading(ledgersDirectory(peer), channelId), peer };
  } catch (error) {
    if (!(error instanceof DenimError)) throw error;
    throw new DenimError(
      error.code,
      `cannot open the ledger of channel ${channelId} in ${peer.directory}: ${error.message}`,
      error.facts,
      error.hint ?? "name the peer's data directory with --data",
      { cause: error },
    );
  }
}

/** Where a peer keeps its ledgers. */
export function ledgersDirectory({ directory }: PeerData): string {
  return join(directory, "ledgersData");
}
