/** `channel getinfo`. Mirrors peer/channel/getinfo.go. */
import { base64 } from "../../base/bytes.ts";
import { DenimError } from "../../base/errors.ts";
import { BlockchainInfoSchema } from "../../gen/common/ledger_pb.ts";
import { decode } from "../../protocol/decode.ts";
import { invocationOf } from "../../protocol/proposal.ts";
import { during } from "../chaincode/failures.ts";
import type { CommandHandler } from "../command.ts";
import { askPeer, requiredChannel, withSession } from "./session.ts";

export const getInfo: CommandHandler = (invocation) => {
  const channelId = requiredChannel(invocation);
  return withSession(invocation, async (session) => {
    const response = await during(
      "failed sending proposal",
      askPeer(session, invocationOf("qscc", ["GetChainInfo", channelId])),
    );
    if (response?.status !== 200) {
      throw new DenimError(
        "bad-response",
        `received bad response, status ${response?.status}: ${response?.message}`,
      );
    }
    const info = decode(BlockchainInfoSchema, response.payload);
    // encoding/json leaves out what is empty.
    const fields = [
      info.height === 0n ? "" : `"height":${info.height}`,
      info.currentBlockHash.length ? `"currentBlockHash":"${base64(info.currentBlockHash)}"` : "",
      info.previousBlockHash.length
        ? `"previousBlockHash":"${base64(info.previousBlockHash)}"`
        : "",
    ];
    invocation.terminal.out(`Blockchain info: {${fields.filter(Boolean).join(",")}}\n`);
  });
};
