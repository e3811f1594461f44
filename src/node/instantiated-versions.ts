/** Which chaincode runs in which version on a channel, from lscc's committed namespace. */
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { PeerLedger, QueryExecutor } from "../ledger/types.ts";
import { decodeChaincodeData } from "../protocol/chaincode-data.ts";
import { isCollectionKey, lsccNamespace } from "../syscc/lscc/state.ts";

/** The committed version of one chaincode; undefined where the channel does not have it. */
export function instantiatedVersion(executor: QueryExecutor, name: string): string | undefined {
  const bytes = executor.getState(lsccNamespace, name);
  return bytes && decodeChaincodeData(bytes).version;
}

/** All of a channel, `name` → version. A definition that cannot be read is reported and left out. */
export function instantiatedVersions(ledger: PeerLedger, logger: Logger): Map<string, string> {
  const versions = new Map<string, string>();
  const executor = ledger.newQueryExecutor();
  try {
    const entries = executor.getStateRange(lsccNamespace, "", "");
    for (let entry = entries.next(); entry !== undefined; entry = entries.next()) {
      if (isCollectionKey(entry.key)) continue;
      try {
        versions.set(entry.key, decodeChaincodeData(entry.value).version);
      } catch (error) {
        logger.warn(
          `[${ledger.channelId}] bad definition of chaincode ${entry.key}: ${messageOf(error)}`,
        );
      }
    }
  } finally {
    executor.done();
  }
  return versions;
}
