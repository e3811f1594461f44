/**
 * What transactions of one block do to each other beyond their keys: equal transaction ids, and
 * chaincode upgrades. Mirrors markTXIdDuplicates and invalidTXsForUpgradeCC of
 * core/committer/txvalidator/validator.go.
 */
import { DenimError } from "../base/errors.ts";
import { strictText } from "../base/bytes.ts";
import { ChaincodeSpec_Type } from "../gen/peer/chaincode_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import { decodeDeploymentSpec } from "./code-package.ts";
import { lsccArguments } from "./lscc.ts";

/** Of valid transactions with one id the first stays. `txIds` holds "" where there is none. */
export function markDuplicateTxIds(flags: Uint8Array, txIds: readonly string[]): void {
  const seen = new Set<string>();
  txIds.forEach((txId, index) => {
    if (txId === "" || flags[index] !== TxValidationCode.VALID) return;
    if (seen.has(txId)) flags[index] = TxValidationCode.DUPLICATE_TXID;
    else seen.add(txId);
  });
}

/** A chaincode on a channel, as one text. */
export type ChaincodeInstance = string;

export function chaincodeInstance(channelId: string, chaincode: string): ChaincodeInstance {
  return `${chaincode}/${channelId}`;
}

/** What a valid endorser transaction invokes and, where it is one, upgrades. */
export interface Invocation {
  readonly invoked: ChaincodeInstance;
  readonly upgraded: ChaincodeInstance | undefined;
}

/**
 * The chaincode that a call of lscc upgrades. Fabric looks with its Go platform only, so upgrades
 * of other kinds of chaincode do not disturb their block; peers must agree, so neither do ours.
 */
export function upgradedChaincode(proposalPayload: Uint8Array): string | undefined {
  const args = lsccArguments(proposalPayload);
  if (!args || args.length < 3 || strictText(args[0]) !== "upgrade") return undefined;
  try {
    const spec = decodeDeploymentSpec(args[2], [ChaincodeSpec_Type.GOLANG]);
    return spec.chaincodeSpec?.chaincodeId?.name;
  } catch (error) {
    if (error instanceof DenimError) return undefined;
    throw error;
  }
}

/**
 * The last upgrade of a chaincode in a block wins over earlier ones, and over every other
 * transaction of that chaincode in the block, earlier or later.
 */
export function markUpgradeConflicts(
  flags: Uint8Array,
  invocations: readonly (Invocation | undefined)[],
): void {
  const lastUpgrade = new Map<ChaincodeInstance, number>();
  invocations.forEach((invocation, index) => {
    const upgraded = invocation?.upgraded;
    if (upgraded === undefined) return;
    const earlier = lastUpgrade.get(upgraded);
    if (earlier !== undefined) flags[earlier] = TxValidationCode.CHAINCODE_VERSION_CONFLICT;
    lastUpgrade.set(upgraded, index);
  });
  invocations.forEach((invocation, index) => {
    if (!invocation || flags[index] !== TxValidationCode.VALID) return;
    if (lastUpgrade.has(invocation.invoked)) {
      flags[index] = TxValidationCode.CHAINCODE_VERSION_CONFLICT;
    }
  });
}
