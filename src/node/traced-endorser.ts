/** Proposals as OpenTelemetry spans, within the trace of the client where it sends a `traceparent`. */
import { messageOf } from "../base/errors.ts";
import type { Clock } from "../base/clock.ts";
import { ChannelHeaderSchema, HeaderSchema } from "../gen/common/common_pb.ts";
import { ChaincodeHeaderExtensionSchema, ProposalSchema } from "../gen/peer/proposal_pb.ts";
import type { SignedProposal } from "../gen/peer/proposal_pb.ts";
import type { Endorser } from "../gen/peer/peer_pb.ts";
import { tryDecode } from "../protocol/decode.ts";
import type { ServiceHandlers } from "../rpc/types.ts";
import type { Sampler } from "../telemetry/sampler.ts";
import {
  exceptionEvent,
  newSpanId,
  newTraceId,
  type Span,
  type SpanContext,
} from "../telemetry/span.ts";
import { parseTraceparent } from "../telemetry/traceparent.ts";

/** Proposals whose span is remembered, so that launches find it. */
export const maxRememberedProposals = 2_000;
/** From this status on, a response is a refusal (shim.ERRORTHRESHOLD). */
const errorThreshold = 400;

export interface TracedEndorserOptions {
  readonly sampler: Sampler;
  readonly clock: Clock;
  /** Takes a finished span over. */
  add(span: Span): void;
}

export class TracedEndorser {
  readonly #proposals = new Map<string, SpanContext>();

  constructor(private readonly options: TracedEndorserOptions) {}

  /** The span of the proposal with this transaction id. */
  spanOf(txId: string): SpanContext | undefined {
    return this.#proposals.get(txId);
  }

  /** The same endorser, every proposal a span. */
  around({ processProposal }: ServiceHandlers<typeof Endorser>): ServiceHandlers<typeof Endorser> {
    if (processProposal === undefined) return {};
    return {
      processProposal: async (signed, context) => {
        const { clock, sampler, add } = this.options;
        const { traceparent, tracestate } = context.headers;
        const parent = parseTraceparent(traceparent, tracestate);
        const traceId = parent?.traceId ?? newTraceId();
        const sampled = sampler(traceId, parent);
        const own = {
          traceId,
          spanId: newSpanId(),
          sampled,
          traceState: parent?.traceState ?? "",
        };
        const { txId, ...facts } = factsOf(signed);
        if (txId !== undefined) this.#remember(txId, own);
        const beganAtMs = clock.now();
        const end = (status: number | undefined, error: string | undefined) => {
          if (!sampled) return;
          const endedAtMs = clock.now();
          add({
            context: own,
            parentSpanId: parent?.spanId,
            name: "protos.Endorser/ProcessProposal",
            kind: "server",
            beganAtMs,
            endedAtMs,
            attributes: {
              "rpc.system": "grpc",
              "rpc.service": "protos.Endorser",
              "rpc.method": "ProcessProposal",
              "client.address": context.remoteAddress,
              "fabric.transaction.id": txId,
              ...facts,
              "fabric.response.status": status,
            },
            events: error === undefined ? [] : [exceptionEvent(endedAtMs, error)],
            links: [],
            error,
          });
        };
        try {
          const answer = await processProposal(signed, context);
          const { status = 0, message = "" } = answer.response ?? {};
          end(status, status >= errorThreshold ? message : undefined);
          return answer;
        } catch (error) {
          end(undefined, messageOf(error));
          throw error;
        }
      },
    };
  }

  #remember(txId: string, context: SpanContext): void {
    this.#proposals.set(txId, context);
    if (this.#proposals.size <= maxRememberedProposals) return;
    const [oldest] = this.#proposals.keys();
    this.#proposals.delete(oldest);
  }
}

/** Longest name or id taken from a proposal, which nobody has checked yet. */
const maxFactCharacters = 256;

/** What a proposal is about, as far as it can be read. */
function factsOf({ proposalBytes }: SignedProposal): {
  readonly txId?: string;
  readonly "fabric.channel.id"?: string;
  readonly "fabric.chaincode.name"?: string;
} {
  const proposal = tryDecode(ProposalSchema, proposalBytes);
  const header = proposal && tryDecode(HeaderSchema, proposal.header);
  const channel = header && tryDecode(ChannelHeaderSchema, header.channelHeader);
  if (channel === undefined) return {};
  const chaincode = tryDecode(ChaincodeHeaderExtensionSchema, channel.extension)?.chaincodeId?.name;
  const fact = (text: string | undefined) => text?.slice(0, maxFactCharacters) || undefined;
  return {
    txId: fact(channel.txId),
    "fabric.channel.id": fact(channel.channelId),
    "fabric.chaincode.name": fact(chaincode),
  };
}
