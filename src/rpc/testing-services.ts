/** Handlers for the transport tests: echoes and ways to misbehave, on Fabric's own services. */
import { create } from "@bufbuild/protobuf";
import { DenimError } from "../base/errors.ts";
import { text } from "../base/bytes.ts";
import { sleep } from "../base/async.ts";
import type { SignedProposal } from "../gen/peer/proposal_pb.ts";
import { Endorser } from "../gen/peer/peer_pb.ts";
import { type ChaincodeMessage, ChaincodeSupport } from "../gen/peer/chaincode_shim_pb.ts";
import { ProposalResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import type { CallContext, RpcServer, ServiceHandlers } from "./types.ts";

/** What the handlers saw. */
export interface Observed {
  contexts: CallContext[];
  /** Messages the bidi handler has read. */
  read: number;
  /** Reasons of signals that aborted. */
  aborted: unknown[];
}

/** Registers an Endorser that obeys `proposal_bytes`, and a ChaincodeSupport that echoes. */
export function registerTestServices(server: RpcServer): Observed {
  const observed: Observed = { contexts: [], read: 0, aborted: [] };
  const endorser: ServiceHandlers<typeof Endorser> = {
    async processProposal(request: SignedProposal, context) {
      observed.contexts.push(context);
      switch (request.proposalBytes.length < 20 ? text(request.proposalBytes) : "") {
        case "denied":
          throw new DenimError("access-denied", "access denied: channel [ü] creator org [100%]");
        case "defect":
          throw new TypeError("undefined is not an object");
        case "wait":
          context.signal.addEventListener(
            "abort",
            () => observed.aborted.push(context.signal.reason),
          );
          await sleep(60_000, context.signal);
          break;
      }
      return create(ProposalResponseSchema, { version: 1, payload: request.proposalBytes });
    },
  };
  const chaincode: ServiceHandlers<typeof ChaincodeSupport> = {
    async *register(requests: AsyncIterable<ChaincodeMessage>, context) {
      observed.contexts.push(context);
      context.signal.addEventListener("abort", () => observed.aborted.push(context.signal.reason));
      for await (const message of requests) {
        observed.read++;
        if (message.txid === "fail") throw new DenimError("x", "stream failed");
        if (message.txid === "end") return;
        yield message;
      }
    },
  };
  server.register(Endorser, endorser);
  server.register(ChaincodeSupport, chaincode);
  return observed;
}
