/** `channel fetch`. Mirrors peer/channel/fetch.go. */
import { toBinary } from "@bufbuild/protobuf";
import { isAbsolute, join } from "node:path";
import { type BlockChoice, readBlock, seekEnvelope } from "../../client/seek.ts";
import {
  type Block,
  BlockMetadataIndex,
  BlockSchema,
  LastConfigSchema,
  MetadataSchema,
} from "../../gen/common/common_pb.ts";
import { decode } from "../../protocol/decode.ts";
import { during } from "../chaincode/failures.ts";
import type { CommandHandler } from "../command.ts";
import { UsageError } from "../flags.ts";
import { requiredOrderer, withSession } from "./session.ts";

export const fetch: CommandHandler = async (invocation) => {
  const { args, flags, terminal } = invocation;
  if (args.length === 0) {
    throw new UsageError(
      "usage",
      "fetch target required, oldest, newest, config, or a number",
    );
  }
  if (args.length > 2) throw new UsageError("usage", "trailing args detected");
  const target = targetOf(args[0]);
  const channelId = flags.string("channelID");
  await withSession(invocation, async (session) => {
    // The development network's orderer is only asked when -o says so: peers serve blocks too.
    const source = flags.has("orderer")
      ? await requiredOrderer(session)
      : await session.client.configuredPeer();
    const { signer, clock } = session.client;
    const read = async (choice: BlockChoice): Promise<Block> => {
      const request = seekEnvelope({
        channelId,
        signer,
        clock,
        start: choice,
        stop: choice,
        bestEffort: flags.boolean("bestEffort"),
        tlsCertHash: source.tlsCertHash,
      });
      const signal = terminal.interrupted;
      const block = await during("error receiving", readBlock(source.deliver(signal), request));
      session.logger.named("cli.common").info(`Received block: ${block.header?.number ?? 0n}`);
      return block;
    };
    const block = target === "config"
      ? await read(lastConfigNumber(await read("newest")))
      : await read(target);
    const output = args[1] ?? `${channelId}_${args[0]}.block`;
    const path = isAbsolute(output) ? output : join(terminal.workingDirectory, output);
    await Deno.writeFile(path, toBinary(BlockSchema, block));
  });
};

function targetOf(word: string): BlockChoice | "config" {
  if (word === "oldest" || word === "newest" || word === "config") return word;
  if (/^\d+$/.test(word)) return BigInt(word);
  throw new UsageError("usage", `fetch target illegal: ${word}`);
}

function lastConfigNumber(block: Block): bigint {
  const slot = block.metadata?.metadata[BlockMetadataIndex.LAST_CONFIG] ?? new Uint8Array(0);
  return decode(LastConfigSchema, decode(MetadataSchema, slot).value).index;
}
