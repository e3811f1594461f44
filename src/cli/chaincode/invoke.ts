/** `chaincode invoke`. Mirrors peer/chaincode/invoke.go and ChaincodeInvokeOrQuery. */
import { parseTransient } from "../../client/chaincode-input.ts";
import { CommitWaiter } from "../../client/commit-waiter.ts";
import { endorse, transactionOf } from "../../client/endorse.ts";
import { chaincodeInvocation } from "../../client/lifecycle.ts";
import { protoText } from "../../protocol/proto-text.ts";
import { ChaincodeActionSchema } from "../../gen/peer/proposal_pb.ts";
import {
  ProposalResponsePayloadSchema,
  ResponseSchema,
} from "../../gen/peer/proposal_response_pb.ts";
import { decode } from "../../protocol/decode.ts";
import type { CommandHandler } from "../command.ts";
import { openSession, ordererOf, peersOf } from "../session.ts";
import { chaincodeCall, channelOf } from "./call.ts";
import { during, notEndorsed } from "./failures.ts";
import { refused, type Trace, traceOf } from "./trace.ts";

/** From here on a response is an error, as the shim has it. */
const errorThreshold = 400;

export const invoke: CommandHandler = async (untraced) => {
  const trace = traceOf(untraced);
  try {
    await traced(trace);
  } finally {
    await trace.close();
  }
};

async function traced(trace: Trace): Promise<void> {
  const { invocation } = trace;
  const { flags, terminal } = invocation;
  const channelId = channelOf(invocation);
  const call = chaincodeCall(invocation);
  const transient = parseTransient(flags.string("transient"));
  const session = await openSession(invocation, "chaincodeCmd");
  let waiter: CommitWaiter | undefined;
  try {
    const peers = await peersOf(invocation, session);
    const { signer, clock } = session.client;
    const proposer = { signer, clock, peers };
    const orderer = await during(
      `error getting channel (${channelId}) orderer endpoint`,
      ordererOf(invocation, session, peers),
    );
    const endorsed = await during(
      "error endorsing invoke",
      trace.step("endorse", () =>
        endorse(proposer, channelId, chaincodeInvocation(call), {
          transient,
          signal: terminal.interrupted,
          beforeSending: (txId) => trace.watch(session.client, peers, call.name, txId),
        }), refused),
    );
    const [answer] = endorsed.responses;
    if ((answer.response?.status ?? 0) >= errorThreshold) throw notEndorsed("invoke", answer);
    const transaction = transactionOf(proposer, endorsed);
    if (flags.boolean("waitForEvent")) {
      waiter = await CommitWaiter.connect(
        peers,
        channelId,
        signer,
        clock,
        flags.duration("waitForEventTimeout"),
      );
    }
    await during(
      "error sending transaction for invoke",
      trace.step("order", () => orderer.broadcast(transaction)),
    );
    const waiting = waiter;
    if (waiting !== undefined) {
      await trace.step("commit", () =>
        waiting.wait(endorsed.txId, ({ status, address }) => {
          session.logger.info(
            `txid [${endorsed.txId}] committed with status (${status}) at ${address}`,
          );
        }));
    }
    if (!answer.endorsement) throw notEndorsed("invoke", answer);
    const { extension } = decode(ProposalResponsePayloadSchema, answer.payload);
    const result = decode(ChaincodeActionSchema, extension).response;
    session.logger.info(
      `Chaincode invoke successful. result: ${result ? protoText(ResponseSchema, result) : ""}`,
    );
  } finally {
    waiter?.close();
    session.close();
  }
}
