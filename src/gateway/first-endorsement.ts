/**
 * The first endorsement tells what the transaction touches, and so who else must endorse. Mirrors
 * planFromFirstEndorser in internal/pkg/gateway/endorse.go of Fabric 2.5.
 */
import { clone, create } from "@bufbuild/protobuf";
import { messageOf } from "../base/errors.ts";
import {
  ChaincodeCallSchema,
  type ChaincodeInterest,
  ChaincodeInterestSchema,
} from "../gen/discovery/protocol_pb.ts";
import type { ErrorDetail } from "../gen/gateway/gateway_pb.ts";
import type { ProposalResponse } from "../gen/peer/proposal_response_pb.ts";
import { GrpcStatus } from "../rpc/status.ts";
import { askEndorser } from "./endorser-answer.ts";
import { errorDetail, gatewayError } from "./gateway-error.ts";
import { interestOfResponse } from "./response-interest.ts";
import type { Peers } from "./peers.ts";
import type { Plan } from "./plan.ts";
import type { RequestedProposal } from "./proposal.ts";
import type { GatewayDependencies, GatewayEndorser } from "./types.ts";

export class FirstEndorsement {
  constructor(
    private readonly dependencies: GatewayDependencies,
    private readonly peers: Peers,
  ) {}

  /**
   * A plan that holds the first endorsement already.
   * @throws RpcError with Fabric's status and details
   */
  async plan(proposal: RequestedProposal, call: AbortSignal): Promise<Plan> {
    const name = proposal.chaincodeSpec?.chaincodeId?.name ?? "";
    const only = create(ChaincodeInterestSchema, { chaincodes: [{ name }] });
    const [endorser, response] = await this.#collect(proposal, name, only, call);
    const interest = interestOfResponse(response, proposal.channelId, this.dependencies) ?? only;
    const plan = proposal.hasTransientData
      ? this.#planProtected(proposal.channelId, interest, endorser)
      : this.#planFor(proposal.channelId, interest, endorser);
    plan.add(endorser, response);
    return plan;
  }

  async #collect(
    proposal: RequestedProposal,
    chaincode: string,
    interest: ChaincodeInterest,
    call: AbortSignal,
  ): Promise<[GatewayEndorser, ProposalResponse]> {
    const plan = this.#candidates(proposal, chaincode, interest);
    const { timeouts, logger } = this.dependencies;
    const details: ErrorDetail[] = [];
    let endorser = plan.nextEndorsers()?.[0];
    while (endorser) {
      const answer = await askEndorser(endorser, proposal.signed, call, timeouts.endorsementMs);
      if (answer.ok) return [endorser, answer.response];
      logger.warn("Endorse call to endorser failed", {
        channelId: proposal.channelId,
        txId: proposal.txId,
        endorserAddress: endorser.address,
        endorserMspid: endorser.mspId,
        error: answer.message,
      });
      details.push(errorDetail(endorser, answer.message));
      endorser = plan.nextInGroup(endorser);
    }
    throw gatewayError(
      GrpcStatus.ABORTED,
      "failed to endorse transaction, see attached details for more info",
      details,
    );
  }

  /** Peers of this peer's organisation; where there are none, whom discovery names. */
  #candidates(
    { channelId, hasTransientData }: RequestedProposal,
    chaincode: string,
    interest: ChaincodeInterest,
  ): Plan {
    try {
      return this.peers.ofOrganizations(channelId, chaincode, [this.dependencies.local.mspId]);
    } catch {
      if (hasTransientData) {
        throw gatewayError(
          GrpcStatus.FAILED_PRECONDITION,
          "no endorsers found in the gateway's organization; retry specifying endorsing " +
            "organization(s) to protect transient data",
        );
      }
      return this.#planFor(channelId, interest);
    }
  }

  #planFor(channelId: string, interest: ChaincodeInterest, preferred?: GatewayEndorser): Plan {
    try {
      return this.peers.forInterest(channelId, interest, preferred);
    } catch (error) {
      throw gatewayError(GrpcStatus.FAILED_PRECONDITION, messageOf(error));
    }
  }

  /** With transient data in the proposal, only members of the collections may see it. */
  #planProtected(
    channelId: string,
    interest: ChaincodeInterest,
    preferred: GatewayEndorser,
  ): Plan {
    const cautious = create(ChaincodeInterestSchema, {
      chaincodes: interest.chaincodes.map((call) => {
        const copy = clone(ChaincodeCallSchema, call);
        copy.noPrivateReads = false;
        return copy;
      }),
    });
    const collections = interest.chaincodes
      .filter(({ noPrivateReads }) => noPrivateReads)
      .flatMap(({ collectionNames }) => collectionNames);
    try {
      return this.peers.forInterest(channelId, cautious, preferred);
    } catch (error) {
      if (collections.length > 0) {
        // It works without the caution: the client must say whom it trusts.
        this.#planFor(channelId, interest, preferred);
        throw gatewayError(
          GrpcStatus.FAILED_PRECONDITION,
          "requires endorsement from organisation(s) that are not in the distribution policy of " +
            `the private data collection(s): [${collections.join(" ")}]; retry specifying ` +
            "trusted endorsing organizations to protect transient data",
        );
      }
      throw gatewayError(GrpcStatus.FAILED_PRECONDITION, messageOf(error));
    }
  }
}
