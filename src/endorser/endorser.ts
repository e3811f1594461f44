/**
 * ProcessProposal: check, simulate, endorse. Mirrors core/endorser/endorser.go of Fabric 1.4.2 and
 * its default endorsement plugin.
 */
import { create } from "@bufbuild/protobuf";
import { emptyBytes, hex } from "../base/bytes.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import { ChaincodeEventSchema } from "../gen/peer/chaincode_event_pb.ts";
import type { Endorser } from "../gen/peer/peer_pb.ts";
import type { SignedProposal } from "../gen/peer/proposal_pb.ts";
import { type ProposalResponse, ProposalResponseSchema } from "../gen/peer/proposal_response_pb.ts";
import type { PeerLedger } from "../ledger/types.ts";
import { proposalHash } from "../protocol/proposal.ts";
import { endorse, proposalResponsePayload } from "../protocol/proposal-response.ts";
import { encodeWire } from "../protocol/wire-encoder.ts";
import type { ServiceHandlers } from "../rpc/types.ts";
import { IdentityExpiry } from "./identity-expiry.ts";
import { InstantiationPolicyCheck } from "./instantiation-policy-check.ts";
import { type CheckedProposal, checkProposal } from "./proposal-check.ts";
import {
  errorStatus,
  errorThreshold,
  InitializationFailed,
  simulate,
  type Simulation,
} from "./simulation.ts";
import type { EndorserDependencies, ProposalEnd, ProposalOutcome } from "./types.ts";

/** The one endorsement plugin there is. */
const defaultEndorsementPlugin = "escc";

/** `ProposalResponse.version` of endorsed proposals. */
const responseVersion = 1;

/** System chaincodes that look at channels themselves and run without a simulator. */
const withoutSimulator: ReadonlySet<string> = new Set(["qscc", "cscc"]);

export class ProposalProcessor {
  readonly #dependencies: EndorserDependencies;
  readonly #policies: InstantiationPolicyCheck;
  readonly #expiry: IdentityExpiry;

  constructor(dependencies: EndorserDependencies) {
    const { packages, clock } = dependencies;
    this.#dependencies = { ...dependencies, logger: dependencies.logger.named("endorser") };
    this.#policies = new InstantiationPolicyCheck((name, version) => packages.load(name, version));
    this.#expiry = new IdentityExpiry(clock);
  }

  /**
   * The answer to a proposal. What went wrong after the checks is an answer with status 500.
   *
   * @throws DenimError for a proposal that is refused; callers see it as gRPC `Unknown` with this text
   */
  async process(signed: SignedProposal, signal?: AbortSignal): Promise<ProposalResponse> {
    const startedAt = this.#dependencies.clock.now();
    const count = this.#dependencies.metrics?.received();
    let checked: CheckedProposal | undefined;
    const end = (end: ProposalEnd, more: Partial<ProposalOutcome> = {}) => {
      const { onProposal, clock } = this.#dependencies;
      if (count === undefined && onProposal === undefined) return;
      const { name = "", version = "" } = checked?.chaincodeId ?? {};
      const outcome: ProposalOutcome = {
        end,
        channelId: checked?.channelHeader.channelId ?? "",
        chaincode: checked === undefined ? "" : `${name}:${version}`,
        durationMs: clock.now() - startedAt,
        chaincodeError: false,
        ...more,
      };
      count?.(outcome);
      onProposal?.(outcome);
    };
    try {
      checked = this.#check(signed);
      this.#checkAdmission(checked);
    } catch (error) {
      end(checked === undefined ? "validation-failure" : refusalEnd(error));
      throw error;
    }
    const { channelId, txId } = checked.channelHeader;
    const facts = { channelId, txId, chaincode: checked.chaincodeId.name };
    let simulation: Simulation;
    try {
      const ledger = this.#ledgerFor(checked);
      simulation = await simulate(checked, ledger, this.#policies, this.#dependencies, signal);
    } catch (error) {
      this.#report("simulation failed", facts, error);
      if (error instanceof InitializationFailed) {
        end("initialization-failure", { deployed: error.chaincode });
      } else end("simulation-failure");
      return failed(messageOf(error));
    }
    try {
      const response = this.#respond(checked, simulation);
      const { status } = simulation.response;
      // From 500 on it is not asked to endorse; without a channel it need not.
      if (status >= errorStatus) end("simulation-failure", { chaincodeError: true });
      else if (status >= errorThreshold && channelId !== "") {
        end("endorsement-failure", { chaincodeError: true });
      } else end("successful");
      this.#dependencies.logger.debug("proposal answered", { ...facts, status });
      return response;
    } catch (error) {
      this.#report("endorsement failed", facts, error);
      end("endorsement-failure");
      return failed(messageOf(error));
    }
  }

  /** What is no DenimError is a defect of ours: its stack belongs into the log. */
  #report(what: string, facts: Record<string, unknown>, error: unknown): void {
    const stack = error instanceof Error && !(error instanceof DenimError)
      ? error.stack
      : undefined;
    this.#dependencies.logger.error(what, { ...facts, error: messageOf(error), stack });
  }

  #check(signed: SignedProposal): CheckedProposal {
    const { channels, localMsp, logger } = this.#dependencies;
    return checkProposal(signed, {
      identities: (channelId) =>
        channelId === "" ? localMsp : channels.bundle(channelId)?.mspManager,
      expiry: this.#expiry,
      logger,
    });
  }

  /** System chaincodes that are closed, transactions that were seen before, callers without rights. */
  #checkAdmission(checked: CheckedProposal): void {
    const { systemChaincodes, channels, acl } = this.#dependencies;
    const { chaincodeId: { name }, channelHeader: { channelId, txId } } = checked;
    if (systemChaincodes.isClosedToProposals(name)) {
      throw new DenimError(
        "not-invokable",
        `chaincode ${name} cannot be invoked through a proposal`,
        { name },
      );
    }
    if (channelId === "") return;
    if (channels.ledger(channelId)?.hasTransaction(txId)) {
      const creator = hex(checked.signatureHeader.creator);
      throw new DenimError(
        "duplicate-transaction",
        `duplicate transaction found [${txId}]. Creator [${creator}]`,
        { channelId, txId },
        "Send a new proposal with a new nonce.",
      );
    }
    if (!systemChaincodes.isSystemChaincode(name)) {
      acl.checkIdentity("peer/Propose", channelId, checked.creator);
    }
  }

  #ledgerFor({ chaincodeId, channelHeader: { channelId } }: CheckedProposal) {
    if (channelId === "" || withoutSimulator.has(chaincodeId.name)) return undefined;
    const ledger: PeerLedger | undefined = this.#dependencies.channels.ledger(channelId);
    if (ledger === undefined) {
      throw new DenimError("unknown-channel", `Channel does not exist: ${channelId}`);
    }
    return ledger;
  }

  #respond(checked: CheckedProposal, simulation: Simulation): ProposalResponse {
    const { response } = simulation;
    if (response.status >= errorStatus) {
      const payload = this.#payload(checked, simulation);
      return create(ProposalResponseSchema, { payload, response });
    }
    const unendorsed = checked.channelHeader.channelId === "" ||
      response.status >= errorThreshold;
    if (unendorsed) return create(ProposalResponseSchema, { response });
    checkPlugin(simulation);
    checked.chaincodeId.version = simulation.version;
    const payload = this.#payload(checked, simulation);
    const answer: ProposalResponse = {
      $typeName: "protos.ProposalResponse",
      version: responseVersion,
      response,
      payload,
      endorsement: endorse(payload, this.#dependencies.signer),
    };
    if (simulation.interest !== undefined) answer.interest = simulation.interest;
    return answer;
  }

  #payload(checked: CheckedProposal, { response, results, event }: Simulation): Uint8Array {
    return proposalResponsePayload({
      proposalHash: proposalHash(checked.header, checked.proposal.payload),
      response,
      results,
      events: event === undefined ? emptyBytes : encodeWire(ChaincodeEventSchema, event),
      chaincodeId: checked.chaincodeId,
    });
  }
}

/** Serves protos.Endorser. */
export function createEndorser(
  dependencies: EndorserDependencies,
): ServiceHandlers<typeof Endorser> {
  const processor = new ProposalProcessor(dependencies);
  return {
    processProposal: (signed, context) => processor.process(signed, context.signal),
  };
}

function refusalEnd(error: unknown): ProposalEnd {
  const code = error instanceof DenimError ? error.code : "";
  return code === "duplicate-transaction" || code === "not-invokable" ? code : "acl-failure";
}

function checkPlugin({ definition }: Simulation): void {
  const plugin = definition?.escc ?? defaultEndorsementPlugin;
  if (plugin === defaultEndorsementPlugin) return;
  throw new DenimError(
    "unknown-endorsement-plugin",
    `plugin with name ${plugin} could not be used: plugin with name ${plugin} wasn't found`,
    { plugin },
  );
}

function failed(message: string): ProposalResponse {
  return create(ProposalResponseSchema, { response: { status: 500, message } });
}
