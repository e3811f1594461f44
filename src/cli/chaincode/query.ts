/** `chaincode query`. Mirrors peer/chaincode/query.go. */
import { concat, hex, utf8 } from "../../base/bytes.ts";
import { parseTransient } from "../../client/chaincode-input.ts";
import { endorse } from "../../client/endorse.ts";
import { chaincodeInvocation } from "../../client/lifecycle.ts";
import type { CommandHandler } from "../command.ts";
import { UsageError } from "../flags.ts";
import { openSession, peersOf } from "../session.ts";
import { chaincodeCall, channelOf } from "./call.ts";
import { during, notEndorsed } from "./failures.ts";

export const query: CommandHandler = async (invocation) => {
  const { flags, terminal } = invocation;
  const channelId = channelOf(invocation);
  const call = chaincodeCall(invocation);
  const transient = parseTransient(flags.string("transient"));
  if (flags.boolean("raw") && flags.boolean("hex")) {
    throw new UsageError("usage", "options --raw (-r) and --hex (-x) are not compatible");
  }
  const session = await openSession(invocation, "chaincodeCmd");
  try {
    const peers = await peersOf(invocation, session);
    const { signer, clock } = session.client;
    const endorsed = await during(
      "error endorsing query",
      endorse({ signer, clock, peers }, channelId, chaincodeInvocation(call), {
        transient,
        signal: terminal.interrupted,
      }),
    );
    const [answer] = endorsed.responses;
    if (!answer.endorsement) throw notEndorsed("query", answer);
    const payload = answer.response?.payload ?? new Uint8Array(0);
    if (flags.boolean("raw")) terminal.out(`[${payload.join(" ")}]\n`);
    else if (flags.boolean("hex")) terminal.out(`${hex(payload)}\n`);
    else terminal.outBytes(concat(payload, utf8("\n")));
  } finally {
    session.close();
  }
};
