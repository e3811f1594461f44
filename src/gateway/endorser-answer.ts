/** One endorser's answer, judged. Mirrors responseStatus in internal/pkg/gateway/apiutils.go of Fabric 2.5. */
import type { SignedProposal } from "../gen/peer/proposal_pb.ts";
import type { ProposalResponse } from "../gen/peer/proposal_response_pb.ts";
import { GrpcStatus } from "../rpc/status.ts";
import { bounded } from "./bounded.ts";
import { goErrorText } from "./gateway-error.ts";
import type { GatewayEndorser } from "./types.ts";

export type EndorserAnswer =
  | { readonly ok: true; readonly response: ProposalResponse }
  | {
    readonly ok: false;
    readonly status: GrpcStatus;
    readonly message: string;
    /** May another peer do better at a query? */
    readonly retry: boolean;
  };

/** Statuses from here on are not endorsed. */
const firstError = 400;

/** The status of errors that the peer, rather than the chaincode, answers with. */
const peerError = 500;

/**
 * Asks one endorser.
 * @throws the call's abort reason when the call has ended; never anything else
 */
export async function askEndorser(
  endorser: GatewayEndorser,
  signed: SignedProposal,
  call: AbortSignal,
  timeoutMs: number,
): Promise<EndorserAnswer> {
  try {
    return judge(
      await bounded(call, timeoutMs, (signal) => endorser.processProposal(signed, signal)),
    );
  } catch (error) {
    call.throwIfAborted();
    const message = goErrorText(error);
    // A refusal of this peer itself is the client's fault; of others only the connection is known.
    return endorser.local && !isTimeout(error)
      ? { ok: false, status: GrpcStatus.FAILED_PRECONDITION, message, retry: false }
      : { ok: false, status: GrpcStatus.UNAVAILABLE, message, retry: true };
  }
}

function isTimeout(error: unknown): boolean {
  return (error as { status?: unknown } | undefined)?.status === GrpcStatus.DEADLINE_EXCEEDED;
}

function judge(answer: ProposalResponse): EndorserAnswer {
  const { status, message } = answer.response ?? {
    status: peerError,
    message: "the peer answered without a response",
  };
  if (status >= 200 && status < firstError) return { ok: true, response: answer };
  if (answer.payload.length === 0 && status === peerError) {
    return { ok: false, status: GrpcStatus.ABORTED, message, retry: true };
  }
  return {
    ok: false,
    status: GrpcStatus.UNKNOWN,
    message: `chaincode response ${status}, ${message}`,
    retry: false,
  };
}
