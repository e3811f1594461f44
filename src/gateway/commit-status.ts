/** The fate of a transaction. Mirrors internal/pkg/gateway/commitstatus.go of Fabric 2.5. */
import { create } from "@bufbuild/protobuf";
import { messageOf } from "../base/errors.ts";
import {
  CommitStatusRequestSchema,
  type CommitStatusResponse,
  CommitStatusResponseSchema,
  type SignedCommitStatusRequest,
} from "../gen/gateway/gateway_pb.ts";
import { decode } from "../protocol/decode.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import type { CommitNotifier } from "./commit-notifier.ts";
import { gatewayError } from "./gateway-error.ts";
import type { GatewayDependencies } from "./types.ts";

/**
 * Waits for the commit where it has not happened yet.
 * @throws RpcError with Fabric's status
 */
export async function commitStatus(
  { request: requestBytes, signature }: SignedCommitStatusRequest,
  call: AbortSignal,
  { acl, channel }: Pick<GatewayDependencies, "acl" | "channel">,
  notifier: CommitNotifier,
): Promise<CommitStatusResponse> {
  if (requestBytes.length === 0) {
    throw gatewayError(GrpcStatus.INVALID_ARGUMENT, "a commit status request is required");
  }
  const { channelId, transactionId, identity } = readRequest(requestBytes);
  try {
    acl.check("gateway/CommitStatus", channelId, { data: requestBytes, identity, signature });
  } catch (error) {
    throw gatewayError(GrpcStatus.PERMISSION_DENIED, messageOf(error));
  }
  const ledger = channel(channelId)?.ledger;
  if (!ledger) {
    throw gatewayError(GrpcStatus.ABORTED, `channel does not exist: ${channelId}`);
  }
  try {
    const { code: result, blockNumber } = await notifier.outcome(ledger, transactionId, call);
    return create(CommitStatusResponseSchema, { result, blockNumber });
  } catch (error) {
    if (error instanceof RpcError) throw error;
    throw gatewayError(GrpcStatus.ABORTED, messageOf(error));
  }
}

function readRequest(bytes: Uint8Array) {
  try {
    return decode(CommitStatusRequestSchema, bytes);
  } catch (error) {
    throw gatewayError(GrpcStatus.INVALID_ARGUMENT, `invalid status request: ${messageOf(error)}`);
  }
}
