/** What the chaincode commands say when an endorsement fails, in Fabric's words. */
import { DenimError, messageOf } from "../../base/errors.ts";
import { protoText } from "../../protocol/proto-text.ts";
import {
  type ProposalResponse,
  type Response,
  ResponseSchema,
} from "../../gen/peer/proposal_response_pb.ts";
import { GrpcStatus, RpcError } from "../../rpc/status.ts";

const goNames: Readonly<Partial<Record<GrpcStatus, string>>> = {
  [GrpcStatus.CANCELLED]: "Canceled",
  [GrpcStatus.UNKNOWN]: "Unknown",
  [GrpcStatus.INVALID_ARGUMENT]: "InvalidArgument",
  [GrpcStatus.DEADLINE_EXCEEDED]: "DeadlineExceeded",
  [GrpcStatus.NOT_FOUND]: "NotFound",
  [GrpcStatus.ALREADY_EXISTS]: "AlreadyExists",
  [GrpcStatus.PERMISSION_DENIED]: "PermissionDenied",
  [GrpcStatus.RESOURCE_EXHAUSTED]: "ResourceExhausted",
  [GrpcStatus.FAILED_PRECONDITION]: "FailedPrecondition",
  [GrpcStatus.ABORTED]: "Aborted",
  [GrpcStatus.OUT_OF_RANGE]: "OutOfRange",
  [GrpcStatus.UNIMPLEMENTED]: "Unimplemented",
  [GrpcStatus.INTERNAL]: "Internal",
  [GrpcStatus.UNAVAILABLE]: "Unavailable",
  [GrpcStatus.DATA_LOSS]: "DataLoss",
  [GrpcStatus.UNAUTHENTICATED]: "Unauthenticated",
};

/** `rpc error: code = Unknown desc = …`, as Go programs print a gRPC status. */
export function rpcErrorText(error: unknown): string {
  if (!(error instanceof RpcError)) return messageOf(error);
  return `rpc error: code = ${goNames[error.status] ?? error.status} desc = ${error.message}`;
}

/** Refusals that stand as they are: a chaincode's own, and that of a block. */
const ownWords: ReadonlySet<string> = new Set(["bad-response", "block-refused"]);

/** Runs a step; what it throws is told as `<prefix>: <cause>`, hints kept. */
export async function during<T>(prefix: string, step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    if (!(error instanceof DenimError) || ownWords.has(error.code)) throw error;
    throw new DenimError(
      error.code,
      `${prefix}: ${rpcErrorText(error)}`,
      error.facts,
      error.hint,
      { cause: error },
    );
  }
}

/** The answer carries no endorsement: the chaincode refused. */
export function notEndorsed(kind: "invoke" | "query", answer: ProposalResponse): DenimError {
  const response: Response | undefined = answer.response;
  return new DenimError(
    "not-endorsed",
    `endorsement failure during ${kind}. response: ${
      response ? protoText(ResponseSchema, response) : "<nil>"
    }`,
    { status: response?.status, message: response?.message },
  );
}
