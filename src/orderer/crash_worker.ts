/** Orders messages and prints the channel's height after each, until it is killed: for the crash test. */
import { connected, message, testOrderer } from "./orderer_testkit.ts";

await connected(testOrderer(Deno.args[0]), async (connection) => {
  if (!connection.orderer.channelIds().includes("mychannel")) await connection.createChannel();
  for (let i = 0;; i++) {
    await connection.broadcast(message(String(i)));
    await new Promise((resolve) => setTimeout(resolve, 1));
    console.log(connection.orderer.height("mychannel"));
  }
});
