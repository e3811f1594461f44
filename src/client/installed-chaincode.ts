/** What lscc knows: which chaincode is installed on a peer, which is instantiated on a channel. */
import { type ChaincodeInfo, ChaincodeQueryResponseSchema } from "../gen/peer/query_pb.ts";
import { decode } from "../protocol/decode.ts";
import { invocationOf } from "../protocol/proposal.ts";
import { type Proposer, query } from "./endorse.ts";

/** @throws DenimError `bad-response`, RpcError */
export async function installedChaincodes(proposer: Proposer): Promise<ChaincodeInfo[]> {
  return await chaincodes(proposer, "", "getinstalledchaincodes");
}

/** @throws DenimError `bad-response`, RpcError */
export async function instantiatedChaincodes(
  proposer: Proposer,
  channelId: string,
): Promise<ChaincodeInfo[]> {
  return await chaincodes(proposer, channelId, "getchaincodes");
}

async function chaincodes(
  proposer: Proposer,
  channelId: string,
  question: string,
): Promise<ChaincodeInfo[]> {
  const answer = await query(proposer, channelId, invocationOf("lscc", [question]));
  return decode(ChaincodeQueryResponseSchema, answer).chaincodes;
}

/** The version of a chaincode that nobody has installed before. */
export const firstVersion = "1.0";

/**
 * The next version: the last number of `version` increased, as often as it takes to be new.
 * @param taken versions that exist already
 */
export function nextVersion(version: string, taken: readonly string[]): string {
  let next = version;
  do next = increased(next); while (taken.includes(next));
  return next;
}

function increased(version: string): string {
  const match = /^(.*?)(\d+)(\D*)$/.exec(version);
  if (match === null) return `${version}.1`;
  const [, before, digits, after] = match;
  // Leading zeros stay, as in 2024.01.
  return `${before}${String(BigInt(digits) + 1n).padStart(digits.length, "0")}${after}`;
}
