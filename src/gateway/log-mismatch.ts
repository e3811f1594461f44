/**
 * Tells operators how two endorsers' answers differ. Mirrors the warnings that
 * internal/pkg/gateway/endorsement.go of Fabric 2.5 logs.
 */
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { responseDifferences } from "./response-differences.ts";
import type { Mismatch } from "./plan.ts";

/** Differences beyond these are counted, not listed. */
const maxListedDifferences = 20;

/** @param logger the gateway's */
export function logMismatch(logger: Logger, mismatch: Mismatch): void {
  logger.warn(
    "ProposalResponsePayloads do not match. See [gateway.responsechecker] log warnings for details.",
  );
  const checker = logger.named("responsechecker");
  const { first, endorser } = mismatch;
  const between = {
    "initial-endorser": `${first.address} (${first.mspId})`,
    "invoked-endorser": `${endorser.address} (${endorser.mspId})`,
  };
  try {
    const differences = responseDifferences(mismatch.expected, mismatch.actual);
    checker.warn(
      "Compared to the initial endorser's response, the following log entries detail the " +
        "differences in this invoked endorser's response.",
      between,
    );
    for (const difference of differences.slice(0, maxListedDifferences)) {
      checker.warn("Proposal response mismatch:", { ...between, ...difference });
    }
    const more = differences.length - maxListedDifferences;
    if (more > 0) checker.warn(`${more} more differences are not listed`, between);
  } catch (error) {
    checker.warn(`Failed to analyse response mismatch: ${messageOf(error)}`, between);
  }
}
