/** A call of the configured peer's Admin service. Mirrors peer/clilogging/common.go. */
import {
  create,
  type DescMethod,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { DenimError } from "../../base/errors.ts";
import { type EnvelopeSchema, HeaderType } from "../../gen/common/common_pb.ts";
import { AdminOperationSchema } from "../../gen/peer/admin_pb.ts";
import { createSignedEnvelope } from "../../protocol/envelope.ts";
import { newNonce } from "../../protocol/txid.ts";
import { GrpcStatus, RpcError } from "../../rpc/status.ts";
import { rpcErrorText } from "../chaincode/failures.ts";
import type { Invocation } from "../command.ts";
import { UsageError } from "../flags.ts";
import { openSession } from "../session.ts";

/** How long an answer may take. */
const adminTimeoutMs = 10_000;

type AdminMethod = DescMethod & { methodKind: "unary"; input: typeof EnvelopeSchema };

/**
 * Signs the operation and sends it; `tell` says the outcome, as Fabric in a log line.
 * @throws DenimError with gRPC's text, as Fabric prints it
 */
export async function callAdmin<M extends AdminMethod>(
  invocation: Invocation,
  method: M,
  operation: MessageInitShape<typeof AdminOperationSchema>,
  tell: (answer: MessageShape<M["output"]>) => string,
): Promise<void> {
  const session = await openSession(invocation, "cli.logging");
  try {
    const { signer, clock } = session.client;
    const peer = await session.client.configuredPeer();
    const request = createSignedEnvelope({
      type: HeaderType.PEER_ADMIN_OPERATION,
      channelId: "",
      data: toBinary(AdminOperationSchema, create(AdminOperationSchema, operation)),
      clock,
      signer,
      nonce: newNonce(),
    });
    const answer = await peer.unary<AdminMethod>(method, request, { timeoutMs: adminTimeoutMs })
      .catch((error) => {
        throw refused(error, peer.address);
      });
    session.logger.info(tell(answer as MessageShape<M["output"]>));
  } finally {
    session.close();
  }
}

function refused(error: unknown, address: string): unknown {
  if (!(error instanceof RpcError)) return error;
  const hint = error.message === "access denied"
    ? "the peer's own administrators may do this: CORE_PEER_MSPCONFIGPATH names the identity"
    : error.status === GrpcStatus.UNAVAILABLE
    ? "start the peer with 'denim node start'; CORE_PEER_ADDRESS names another one"
    : error.hint;
  return new DenimError(error.code, rpcErrorText(error), { address }, hint, { cause: error });
}

/** @throws UsageError */
export function requireArguments({ args }: Invocation): void {
  if (args.length === 0) throw new UsageError("usage", "no parameters provided");
}

/** @throws UsageError */
export function refuseArguments({ args }: Invocation): void {
  if (args.length === 0) return;
  throw new UsageError(
    "usage",
    `more parameters than necessary were provided. Expected 0, received ${args.length}`,
  );
}
