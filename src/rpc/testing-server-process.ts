/** A server in a process of its own, for tests that look whether it survives. Prints its address. */
import { create } from "@bufbuild/protobuf";
import { silentLogger } from "../base/logger.ts";
import { Deliver, DeliverResponseSchema } from "../gen/peer/events_pb.ts";
import { Endorser } from "../gen/peer/peer_pb.ts";
import { ProposalResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import { createRpcServer } from "./server.ts";

const [certificate, key] = Deno.args.map((file) => Deno.readTextFileSync(file));
const server = await createRpcServer({
  listen: "127.0.0.1:0",
  tls: { certificate, key },
  logger: silentLogger,
});
server.register(Endorser, {
  processProposal: () => create(ProposalResponseSchema, { version: 1 }),
});
server.register(Deliver, {
  async *deliver(requests, { signal }) {
    for await (const _ of requests) {
      yield create(DeliverResponseSchema, { Type: { case: "status", value: 200 } });
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    }
  },
});
console.log(server.address);
