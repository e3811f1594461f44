/** What the ledger says about a chaincode, as far as endorsers are concerned. Mirrors core/cclifecycle. */
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { QueryExecutor } from "../ledger/types.ts";
import { type ChaincodeData, decodeChaincodeData } from "../protocol/chaincode-data.ts";
import { collectionKey, isCollectionKey, lsccNamespace } from "../syscc/lscc/state.ts";

export interface ChaincodeMetadata {
  readonly name: string;
  readonly version: string;
  /** Serialized SignaturePolicyEnvelope. */
  readonly policy: Uint8Array;
  /** Serialized CollectionConfigPackage; empty where there are none, or none were asked for. */
  readonly collections: Uint8Array;
}

/** Reads definitions of one channel. */
export interface ChaincodeMetadataSource {
  /** Undefined where the channel is not joined or does not have the chaincode. */
  metadata(channelId: string, name: string, withCollections: boolean):
    | ChaincodeMetadata
    | undefined;
}

const none = new Uint8Array(0);

/** The committed definition of a chaincode; undefined where there is none that can be read. */
export function readMetadata(
  executor: QueryExecutor,
  name: string,
  withCollections: boolean,
): ChaincodeMetadata | undefined {
  if (name === "" || isCollectionKey(name)) return undefined;
  const bytes = executor.getState(lsccNamespace, name);
  if (bytes === undefined || bytes.length === 0) return undefined;
  let data: ChaincodeData;
  try {
    data = decodeChaincodeData(bytes);
  } catch {
    return undefined;
  }
  if (data.name !== name) return undefined;
  const collections = withCollections
    ? executor.getState(lsccNamespace, collectionKey(name))
    : undefined;
  return { name, version: data.version, policy: data.policy, collections: collections ?? none };
}

/** All definitions of a channel in order of their names; one that cannot be read is left out. */
export function readDefinitions(executor: QueryExecutor, logger: Logger): ChaincodeData[] {
  const definitions: ChaincodeData[] = [];
  const entries = executor.getStateRange(lsccNamespace, "", "");
  try {
    for (let entry = entries.next(); entry !== undefined; entry = entries.next()) {
      if (isCollectionKey(entry.key)) continue;
      try {
        const data = decodeChaincodeData(entry.value);
        if (data.name === entry.key) definitions.push(data);
      } catch (error) {
        logger.debug(`definition of ${entry.key} left out: ${messageOf(error)}`);
      }
    }
  } finally {
    entries.close();
  }
  return definitions;
}
