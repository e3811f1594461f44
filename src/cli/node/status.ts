/** `node status`. Mirrors peer/node/status.go. */
import { create, toBinary } from "@bufbuild/protobuf";
import { DenimError } from "../../base/errors.ts";
import { protoText } from "../../protocol/proto-text.ts";
import { HeaderType } from "../../gen/common/common_pb.ts";
import {
  AdminOperationSchema,
  ServerStatus_StatusCode,
  ServerStatusSchema,
} from "../../gen/peer/admin_pb.ts";
import { createSignedEnvelope } from "../../protocol/envelope.ts";
import { newNonce } from "../../protocol/txid.ts";
import { GrpcStatus, RpcError } from "../../rpc/status.ts";
import { rpcErrorText } from "../chaincode/failures.ts";
import { noArguments } from "../channel/session.ts";
import type { CommandHandler } from "../command.ts";
import { openSession } from "../session.ts";

export const status: CommandHandler = async (invocation) => {
  noArguments(invocation);
  const { terminal } = invocation;
  const session = await openSession(invocation, "nodeCmd");
  try {
    const { signer, clock } = session.client;
    const peer = await session.client.configuredPeer();
    const request = createSignedEnvelope({
      type: HeaderType.PEER_ADMIN_OPERATION,
      channelId: "",
      data: toBinary(AdminOperationSchema, create(AdminOperationSchema)),
      clock,
      signer,
      nonce: newNonce(),
    });
    const answer = await peer.status(request).catch((error) => {
      const unknown = create(ServerStatusSchema, { status: ServerStatus_StatusCode.UNKNOWN });
      terminal.out(`${protoText(ServerStatusSchema, unknown) || "status:UNKNOWN "}\n`);
      throw new DenimError(
        "no-status",
        `Error trying to connect to local peer: ${rpcErrorText(error)}`,
        { address: peer.address },
        error instanceof RpcError && error.status === GrpcStatus.UNAVAILABLE
          ? "start it with 'denim node start' or 'denim up'; CORE_PEER_ADDRESS names another peer"
          : undefined,
      );
    });
    terminal.out(`${protoText(ServerStatusSchema, answer)}\n`);
  } finally {
    session.close();
  }
};
