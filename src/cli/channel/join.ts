/** `channel join`. Mirrors peer/channel/join.go. */
import { DenimError } from "../../base/errors.ts";
import { HeaderType } from "../../gen/common/common_pb.ts";
import { invocationOf } from "../../protocol/proposal.ts";
import { readNamedFile } from "../chaincode/call.ts";
import { during, rpcErrorText } from "../chaincode/failures.ts";
import type { CommandHandler } from "../command.ts";
import { UsageError } from "../flags.ts";
import { RpcError } from "../../rpc/status.ts";
import { askPeer, withSession } from "./session.ts";

export const join: CommandHandler = async (invocation) => {
  const blockPath = invocation.flags.string("blockpath");
  if (blockPath === "") throw new UsageError("usage", "Must supply genesis block path");
  const block = await during(
    "genesis block file not found",
    readNamedFile(blockPath, "genesis block file"),
  );
  await withSession(invocation, async (session) => {
    let response;
    try {
      response = await askPeer(
        session,
        invocationOf("cscc", ["JoinChain", block]),
        HeaderType.CONFIG,
      );
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      throw failed(rpcErrorText(error), error.hint);
    }
    if (!response) throw failed("nil proposal response");
    if (response.status !== 0 && response.status !== 200) {
      throw failed(`bad proposal response ${response.status}: ${response.message}`);
    }
    session.logger.info("Successfully submitted proposal to join channel");
  });
};

function failed(reason: string, hint?: string): DenimError {
  return new DenimError("join-refused", `proposal failed (err: ${reason})`, { reason }, hint);
}
