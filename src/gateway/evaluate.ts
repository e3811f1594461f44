/** A query on one peer. Mirrors internal/pkg/gateway/evaluate.go of Fabric 2.5. */
import { create } from "@bufbuild/protobuf";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import {
  type ErrorDetail,
  type EvaluateRequest,
  type EvaluateResponse,
  EvaluateResponseSchema,
} from "../gen/gateway/gateway_pb.ts";
import { ChaincodeActionSchema } from "../gen/peer/proposal_pb.ts";
import {
  type ProposalResponse,
  ProposalResponsePayloadSchema,
  type Response,
  ResponseSchema,
} from "../gen/peer/proposal_response_pb.ts";
import { tryDecode } from "../protocol/decode.ts";
import { GrpcStatus } from "../rpc/status.ts";
import { askEndorser } from "./endorser-answer.ts";
import { errorDetail, gatewayError } from "./gateway-error.ts";
import type { Peers } from "./peers.ts";
import type { Plan } from "./plan.ts";
import { chaincodeNameOf, readProposal, type RequestedProposal } from "./proposal.ts";
import type { GatewayDependencies } from "./types.ts";

export class Evaluator {
  readonly #logger: Logger;

  constructor(
    private readonly dependencies: GatewayDependencies,
    private readonly peers: Peers,
  ) {
    this.#logger = dependencies.logger;
  }

  /** @throws RpcError with Fabric's status and details */
  async evaluate(request: EvaluateRequest, call: AbortSignal): Promise<EvaluateResponse> {
    const { proposal, chaincode } = this.#read(request);
    const { channelId } = proposal;
    if (!this.dependencies.channel(channelId)) {
      throw gatewayError(
        GrpcStatus.UNAVAILABLE,
        `failed to get config for channel [${channelId}]: ` +
          `could not get last config for channel ${channelId}`,
      );
    }
    const plan = this.#plan(proposal, chaincode, request.targetOrganizations);
    const details: ErrorDetail[] = [];
    let endorser = plan.nextEndorsers()?.[0];
    let failure = GrpcStatus.UNAVAILABLE;
    while (endorser) {
      const answer = await askEndorser(
        endorser,
        proposal.signed,
        call,
        this.dependencies.timeouts.endorsementMs,
      );
      if (answer.ok) {
        return create(EvaluateResponseSchema, { result: this.#result(answer.response) });
      }
      const { status, message, retry } = answer;
      this.#logger.debug("Evaluate call to endorser failed", {
        channelId,
        chaincode,
        txId: proposal.txId,
        endorserAddress: endorser.address,
        endorserMspid: endorser.mspId,
        error: message,
      });
      details.push(errorDetail(endorser, message));
      if (!retry) {
        throw gatewayError(
          status,
          `evaluate call to endorser returned error: ${message}`,
          details,
        );
      }
      failure = status;
      endorser = plan.nextInGroup(endorser);
    }
    throw gatewayError(
      failure,
      "failed to evaluate transaction, see attached details for more info",
      details,
    );
  }

  #read({ proposedTransaction }: EvaluateRequest) {
    try {
      if (!proposedTransaction || proposedTransaction.proposalBytes.length === 0) {
        throw new Error("a signed proposal is required");
      }
      const proposal = readProposal(proposedTransaction);
      return { proposal, chaincode: chaincodeNameOf(proposal) };
    } catch (error) {
      throw gatewayError(
        GrpcStatus.INVALID_ARGUMENT,
        `failed to unpack transaction proposal: ${messageOf(error)}`,
      );
    }
  }

  /** Transient data goes to other organisations only where the client names them. */
  #plan(
    { channelId, hasTransientData }: RequestedProposal,
    chaincode: string,
    targets: readonly string[],
  ): Plan {
    const isProtected = hasTransientData && targets.length === 0;
    const organizations = isProtected ? [this.dependencies.local.mspId] : targets;
    try {
      return this.peers.forEvaluation(channelId, chaincode, organizations);
    } catch (error) {
      throw gatewayError(
        GrpcStatus.FAILED_PRECONDITION,
        isProtected
          ? "no endorsers found in the gateway's organization; retry specifying target " +
            `organization(s) to protect transient data: ${messageOf(error)}`
          : messageOf(error),
      );
    }
  }

  /** The signed result takes precedence: the response beside it need not be the chaincode's. */
  #result({ payload, response }: ProposalResponse): Response {
    const result = create(ResponseSchema, response);
    const signed = tryDecode(ProposalResponsePayloadSchema, payload);
    const action = signed && tryDecode(ChaincodeActionSchema, signed.extension);
    if (action) result.payload = action.response?.payload ?? new Uint8Array();
    else {
      this.#logger.warn("Successful proposal response contained no transaction result", {
        status: result.status,
        message: result.message,
      });
    }
    return result;
  }
}
