/**
 * The recorded channel's orderer as a process: `deno run -A serving-orderer.ts LISTEN BLOCKS PAUSE_MS`.
 * Prints its address, then hands out blocks until it is killed.
 */
import { createEcdsaProvider } from "../../src/crypto/provider.ts";
import { madeChain, serveBlocks } from "./block-orderer.ts";

const [listen, blocks, pauseMs] = Deno.args;
const chain = madeChain(createEcdsaProvider(), {
  blocks: Number(blocks),
  transactionsPerBlock: 1,
});
const server = await serveBlocks(chain, { listen, pauseMs: Number(pauseMs) });
console.log(server.address);
