/** What system chaincodes answer. Mirrors core/chaincode/shim/response.go of Fabric 1.4.2. */
import { create } from "@bufbuild/protobuf";
import { DenimError, messageOf } from "../base/errors.ts";
import { type Response, ResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import type { SignedData } from "../policy/types.ts";
import { proposalSignedData } from "../protocol/signed-data.ts";
import type { SystemChaincodeCall } from "./types.ts";

/** Status 200 with a payload. */
export function success(payload?: Uint8Array): Response {
  return create(ResponseSchema, { status: 200, payload });
}

/** Status 500 with a message. */
export function failure(message: string): Response {
  return create(ResponseSchema, { status: 500, message });
}

/**
 * The answer of `run`; an error it throws becomes a failure with its message. What is no DenimError
 * is a defect of ours and goes on to whoever logs it.
 */
export async function answering(run: () => Response | Promise<Response>): Promise<Response> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof DenimError) return failure(error.message);
    throw error;
  }
}

/** A refusal with exactly this text. */
export function refused(code: string, message: string, hint?: string): DenimError {
  return new DenimError(code, message, {}, hint);
}

/**
 * The signed proposal that access checks look at.
 *
 * @throws DenimError `no-signed-proposal`, `malformed-message`
 */
export function callerOf(call: SystemChaincodeCall): SignedData {
  if (call.signedProposal === undefined) {
    throw refused("no-signed-proposal", "Invalid signed proposal during check policy");
  }
  return proposalSignedData(call.signedProposal);
}

/** Runs an access check; its refusal reads `<prefix>: <reason>`, the reason within brackets on request. */
export function checkAccess(prefix: string, check: () => void, brackets = false): void {
  try {
    check();
  } catch (error) {
    const reason = messageOf(error);
    throw new DenimError(
      "access-denied",
      `${prefix}: ${brackets ? `[${reason}]` : reason}`,
      {},
      undefined,
      { cause: error },
    );
  }
}
