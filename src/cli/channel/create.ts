/** `channel create`. Mirrors peer/channel/create.go. */
import { toBinary } from "@bufbuild/protobuf";
import { isAbsolute, join } from "node:path";
import { sleep } from "../../base/async.ts";
import { DenimError, messageOf } from "../../base/errors.ts";
import type { OrdererConnection } from "../../client/orderer-connection.ts";
import { readBlock, seekEnvelope } from "../../client/seek.ts";
import { type Block, BlockSchema } from "../../gen/common/common_pb.ts";
import type { CommandHandler } from "../command.ts";
import { UsageError } from "../flags.ts";
import type { CommandSession } from "../session.ts";
import { readConfigTransaction, signConfigTransaction } from "./config-transaction.ts";
import { requiredChannel, requiredOrderer, withSession } from "./session.ts";

/** Between two looks for the new channel's first block. */
const pollIntervalMs = 200;

export const create: CommandHandler = async (invocation) => {
  const { flags, terminal } = invocation;
  const channelId = requiredChannel(invocation);
  const file = flags.string("file");
  if (file === "") {
    throw new UsageError(
      "usage",
      "Invalid channel create transaction : No configtx file name supplied",
      {},
      "give the channel creation transaction with -f",
    );
  }
  const transaction = await readConfigTransaction(file);
  await withSession(invocation, async (session) => {
    const orderer = await requiredOrderer(session);
    const { signer, clock } = session.client;
    const signed = signConfigTransaction(transaction, channelId, signer, clock);
    await orderer.broadcast(signed.envelope);
    const block = await firstBlock(session, orderer, channelId, flags.duration("timeout"));
    session.logger.named("cli.common").info(`Received block: ${block.header?.number ?? 0n}`);
    const output = flags.string("outputBlock") || `${channelId}.block`;
    const path = isAbsolute(output) ? output : join(terminal.workingDirectory, output);
    await Deno.writeFile(path, toBinary(BlockSchema, block));
  });
};

async function firstBlock(
  session: CommandSession,
  orderer: OrdererConnection,
  channelId: string,
  timeoutMs: number,
): Promise<Block> {
  const { signer, clock } = session.client;
  const deadline = clock.now() + timeoutMs;
  for (;;) {
    const remainingMs = deadline - clock.now();
    try {
      const request = seekEnvelope({
        channelId,
        signer,
        clock,
        start: 0n,
        stop: 0n,
        tlsCertHash: orderer.tlsCertHash,
      });
      return await readBlock(
        orderer.deliver(AbortSignal.timeout(Math.max(1, remainingMs))),
        request,
      );
    } catch (error) {
      session.logger.debug(`no first block yet: ${messageOf(error)}`);
      if (clock.now() + pollIntervalMs >= deadline) {
        throw new DenimError(
          "create-timeout",
          `timeout waiting for channel creation: ${messageOf(error)}`,
          { channelId, timeoutMs },
          "look at the orderer's log; wait longer with --timeout",
        );
      }
      await sleep(pollIntervalMs);
    }
  }
}
