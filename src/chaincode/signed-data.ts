import { DenimError } from "../base/errors.ts";
import type { SignedData } from "../policy/types.ts";
import type { TransactionParams } from "./types.ts";

/**
 * The proposal as signed data, for policies and access checks.
 *
 * @throws DenimError `no-signed-proposal` for an execution that no proposal led to
 */
export function signedDataOf(params: TransactionParams): SignedData {
  const signed = params.signedProposal;
  if (signed === undefined) {
    throw new DenimError("no-signed-proposal", "signed proposal must not be nil");
  }
  return { data: signed.proposalBytes, identity: params.creator, signature: signed.signature };
}
