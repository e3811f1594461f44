/** `channel list`. Mirrors peer/channel/list.go. */
import { DenimError } from "../../base/errors.ts";
import { ChannelQueryResponseSchema } from "../../gen/peer/query_pb.ts";
import { decode } from "../../protocol/decode.ts";
import { invocationOf } from "../../protocol/proposal.ts";
import { during } from "../chaincode/failures.ts";
import type { CommandHandler } from "../command.ts";
import { askPeer, noArguments, withSession } from "./session.ts";

export const list: CommandHandler = (invocation) => {
  noArguments(invocation);
  return withSession(invocation, async (session) => {
    const response = await during(
      "Failed sending proposal, got",
      askPeer(session, invocationOf("cscc", ["GetChannels"])),
    );
    if (response?.status !== 200) {
      throw new DenimError(
        "bad-response",
        `Received bad response, status ${response?.status}: ${response?.message}`,
      );
    }
    invocation.terminal.out("Channels peers has joined: \n");
    for (const { channelId } of decode(ChannelQueryResponseSchema, response.payload).channels) {
      invocation.terminal.out(`${channelId}\n`);
    }
  });
};
