/**
 * After a reset or rollback a peer must not endorse from a state of the past: calls are refused until
 * every channel is as high as it was. Mirrors resetLoop and its filter in peer/node/start.go, but
 * looks after each block instead of every ten seconds.
 */
import { DenimError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Endorser } from "../gen/peer/peer_pb.ts";
import { clearPreResetHeights, preResetHeights } from "../ledger/pre-reset-height.ts";
import type { PeerLedger } from "../ledger/types.ts";
import type { ServiceHandlers } from "../rpc/types.ts";

export interface RebuildGuardOptions {
  /** Where the peer keeps its ledgers. */
  readonly directory: string;
  readonly ledger: (channelId: string) => PeerLedger | undefined;
  readonly logger: Logger;
}

/** @throws DenimError `ledger-damaged` where a recorded height cannot be read */
export function guardWhileRebuilding(
  endorser: ServiceHandlers<typeof Endorser>,
  { directory, ledger, logger }: RebuildGuardOptions,
): ServiceHandlers<typeof Endorser> {
  const waiting = new Set<string>();
  const complete = () => {
    logger.info(
      "Ledger rebuild: Complete, all ledgers surpass prereset heights. Endorsement request " +
        "processing will be enabled.",
    );
    clearPreResetHeights(directory);
  };
  const heights = preResetHeights(directory);
  const { processProposal } = endorser;
  if (heights.size === 0 || !processProposal) return endorser;
  for (const [channelId, height] of heights) {
    logger.info(`Ledger rebuild: channel [${channelId}]: preresetHeight: [${height}]`);
    const channel = ledger(channelId);
    // One that cannot be opened does not keep the others from working.
    if (!channel || channel.info().height >= height) continue;
    waiting.add(channelId);
    const done = channel.onCommit(({ number }) => {
      if (number + 1 < height) return;
      done();
      waiting.delete(channelId);
      if (waiting.size === 0) complete();
    });
  }
  if (waiting.size === 0) {
    complete();
    return endorser;
  }
  logger.info(
    "Ledger rebuild: current ledger heights are below prereset ledger heights. Endorsement " +
      "request processing will be disabled.",
    { channels: [...waiting].join(", ") },
  );
  return {
    processProposal: (signed, context) => {
      if (waiting.size === 0) return processProposal(signed, context);
      throw new DenimError(
        "rebuilding",
        "endorse requests are blocked while ledgers are being rebuilt",
        { channels: [...waiting] },
      );
    },
  };
}
