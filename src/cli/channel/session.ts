/** What the channel commands share. Mirrors InitCmdFactory of peer/channel/channel.go. */
import { DenimError } from "../../base/errors.ts";
import { endorse } from "../../client/endorse.ts";
import type { OrdererConnection } from "../../client/orderer-connection.ts";
import { HeaderType } from "../../gen/common/common_pb.ts";
import type { ChaincodeInvocationSpec } from "../../gen/peer/chaincode_pb.ts";
import type { Response } from "../../gen/peer/proposal_response_pb.ts";
import type { Invocation } from "../command.ts";
import { UsageError } from "../flags.ts";
import { type CommandSession, openSession } from "../session.ts";

/** Opens a session and closes it when `work` has ended. */
export async function withSession<T>(
  invocation: Invocation,
  work: (session: CommandSession) => Promise<T>,
): Promise<T> {
  const session = await openSession(invocation, "channelCmd");
  try {
    session.logger.info("Endorser and orderer connections initialized");
    return await work(session);
  } finally {
    session.close();
  }
}

/** @throws UsageError where there is more than the command takes */
export function noArguments({ args }: Invocation): void {
  if (args.length > 0) throw new UsageError("usage", `trailing args detected: [${args.join(" ")}]`);
}

/** The channel of `-c`. @throws UsageError */
export function requiredChannel({ flags }: Invocation): string {
  const channelId = flags.string("channelID");
  if (channelId === "") throw new UsageError("usage", "must supply channel ID");
  return channelId;
}

/** The orderer that `-o` (or the development network) names. @throws DenimError `no-orderer` */
export async function requiredOrderer(session: CommandSession): Promise<OrdererConnection> {
  const address = session.client.config.raw.string("orderer.address");
  if (address.split(":").length !== 2) {
    throw new DenimError(
      "no-orderer",
      `ordering service endpoint ${address} is not valid or missing`,
      { address },
      "give the orderer's host:port with -o",
    );
  }
  return await session.client.orderer();
}

/** Asks a system chaincode of the configured peer, without a channel. @throws RpcError */
export async function askPeer(
  session: CommandSession,
  invocation: ChaincodeInvocationSpec,
  type: HeaderType = HeaderType.ENDORSER_TRANSACTION,
): Promise<Response | undefined> {
  const { signer, clock } = session.client;
  const peers = [await session.client.configuredPeer()];
  const endorsed = await endorse({ signer, clock, peers }, "", invocation, { type });
  return endorsed.responses[0].response;
}
