/** Endorsements of as many peers as the policies ask for. Mirrors internal/pkg/gateway/endorse.go of Fabric 2.5. */
import { create } from "@bufbuild/protobuf";
import { messageOf } from "../base/errors.ts";
import { EnvelopeSchema } from "../gen/common/common_pb.ts";
import {
  type EndorseRequest,
  type EndorseResponse,
  EndorseResponseSchema,
} from "../gen/gateway/gateway_pb.ts";
import { transactionPayload } from "../protocol/transaction.ts";
import { GrpcStatus } from "../rpc/status.ts";
import { askEndorser } from "./endorser-answer.ts";
import type { FirstEndorsement } from "./first-endorsement.ts";
import { gatewayError } from "./gateway-error.ts";
import type { Peers } from "./peers.ts";
import type { Plan } from "./plan.ts";
import { readProposal, type RequestedProposal } from "./proposal.ts";
import type { GatewayDependencies, GatewayEndorser } from "./types.ts";

export class EndorsementCollector {
  constructor(
    private readonly dependencies: GatewayDependencies,
    private readonly peers: Peers,
    private readonly first: FirstEndorsement,
  ) {}

  /** @throws RpcError with Fabric's status and details */
  async endorse(request: EndorseRequest, call: AbortSignal): Promise<EndorseResponse> {
    const proposal = readRequest(request);
    const organizations = request.endorsingOrganizations;
    const plan = organizations.length > 0
      ? this.#planFor(proposal, organizations)
      : await this.first.plan(proposal, call);
    while (!plan.result()) {
      const endorsers = plan.nextEndorsers();
      if (!endorsers) break;
      await Promise.all(endorsers.map((one) => this.#endorseInGroup(plan, one, proposal, call)));
    }
    const result = plan.result();
    if (!result) {
      throw gatewayError(
        GrpcStatus.ABORTED,
        "failed to collect enough transaction endorsements, see attached details for more info",
        plan.errors,
      );
    }
    return create(EndorseResponseSchema, {
      preparedTransaction: create(EnvelopeSchema, {
        payload: prepared(proposal, result.payload, result.endorsements),
      }),
    });
  }

  /** The client answers for the policy being satisfied by these organisations. */
  #planFor(
    { channelId, chaincodeSpec }: RequestedProposal,
    organizations: readonly string[],
  ): Plan {
    const chaincode = chaincodeSpec?.chaincodeId?.name ?? "";
    try {
      return this.peers.ofOrganizations(channelId, chaincode, organizations);
    } catch (error) {
      throw gatewayError(GrpcStatus.UNAVAILABLE, messageOf(error));
    }
  }

  /** One endorsement of a group: of this peer, or of the next one where it fails. */
  async #endorseInGroup(
    plan: Plan,
    chosen: GatewayEndorser,
    { signed, channelId, txId }: RequestedProposal,
    call: AbortSignal,
  ): Promise<void> {
    const { timeouts, logger } = this.dependencies;
    for (let endorser: GatewayEndorser | undefined = chosen; endorser;) {
      const answer = await askEndorser(endorser, signed, call, timeouts.endorsementMs);
      if (answer.ok) {
        if (plan.add(endorser, answer.response)) return;
      } else {
        plan.addError(endorser, answer.message);
        logger.warn("Endorse call to endorser failed", {
          channelId,
          txId,
          endorserAddress: endorser.address,
          endorserMspid: endorser.mspId,
          error: answer.message,
        });
      }
      endorser = plan.nextInGroup(endorser);
    }
  }
}

function readRequest({ proposedTransaction }: EndorseRequest): RequestedProposal {
  if (!proposedTransaction || proposedTransaction.proposalBytes.length === 0) {
    throw gatewayError(
      GrpcStatus.INVALID_ARGUMENT,
      "the proposed transaction must contain a signed proposal",
    );
  }
  try {
    return readProposal(proposedTransaction);
  } catch (error) {
    throw gatewayError(GrpcStatus.INVALID_ARGUMENT, messageOf(error));
  }
}

function prepared(
  { header, payload: proposalPayload }: RequestedProposal,
  responsePayload: Uint8Array,
  endorsements: Parameters<typeof transactionPayload>[0]["endorsements"],
): Uint8Array {
  try {
    return transactionPayload({ header, proposalPayload, responsePayload, endorsements });
  } catch (error) {
    throw gatewayError(
      GrpcStatus.ABORTED,
      `failed to assemble transaction: ${messageOf(error)}`,
    );
  }
}
