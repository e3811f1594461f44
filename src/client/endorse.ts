/** Proposals out, endorsements back. */
import type { Clock } from "../base/clock.ts";
import { DenimError } from "../base/errors.ts";
import type { Envelope, HeaderType } from "../gen/common/common_pb.ts";
import type { ChaincodeInvocationSpec } from "../gen/peer/chaincode_pb.ts";
import type { Proposal } from "../gen/peer/proposal_pb.ts";
import type { ProposalResponse } from "../gen/peer/proposal_response_pb.ts";
import type { SigningIdentity } from "../msp/types.ts";
import { createProposal, signProposal } from "../protocol/proposal.ts";
import { assembleTransaction } from "../protocol/transaction.ts";
import { newNonce } from "../protocol/txid.ts";
import type { PeerConnection } from "./peer-connection.ts";

/** Who proposes, to whom. */
export interface Proposer {
  readonly signer: SigningIdentity;
  readonly clock: Clock;
  readonly peers: readonly PeerConnection[];
}

export interface ProposalOptions {
  readonly transient?: Readonly<Record<string, Uint8Array>>;
  readonly type?: HeaderType;
  readonly signal?: AbortSignal;
  /** Called with the transaction id before anything is sent; sending waits for it. */
  readonly beforeSending?: (txId: string) => Promise<void>;
}

export interface Endorsed {
  readonly proposal: Proposal;
  readonly txId: string;
  /** One per peer, in the order of the peers. */
  readonly responses: readonly ProposalResponse[];
}

/**
 * Sends one proposal to every peer, at once.
 * @throws RpcError of the first peer that refused
 */
export async function endorse(
  proposer: Proposer,
  channelId: string,
  invocation: ChaincodeInvocationSpec,
  options: ProposalOptions = {},
): Promise<Endorsed> {
  const { proposal, txId } = createProposal({
    channelId,
    invocation,
    creator: proposer.signer.serialized,
    nonce: newNonce(),
    clock: proposer.clock,
    transient: options.transient,
    type: options.type,
  });
  await options.beforeSending?.(txId);
  const signed = signProposal(proposal, proposer.signer);
  const responses = await Promise.all(
    proposer.peers.map((peer) => peer.processProposal(signed, options.signal)),
  );
  return { proposal, txId, responses };
}

/**
 * One peer's answer to a query of a system chaincode.
 * @returns the payload
 * @throws DenimError `bad-response` with the chaincode's status and message
 */
export async function query(
  proposer: Proposer,
  channelId: string,
  invocation: ChaincodeInvocationSpec,
  options: ProposalOptions = {},
): Promise<Uint8Array> {
  const one = { ...proposer, peers: proposer.peers.slice(0, 1) };
  const { responses: [answer] } = await endorse(one, channelId, invocation, options);
  const response = answer?.response;
  if (!response) throw new DenimError("bad-response", "Proposal response had nil 'response'");
  if (response.status !== 200) {
    throw new DenimError("bad-response", `Bad response: ${response.status} - ${response.message}`, {
      status: response.status,
      message: response.message,
    });
  }
  return response.payload;
}

/** The transaction of an endorsed proposal. @throws DenimError where the endorsements do not make one */
export function transactionOf(proposer: Proposer, endorsed: Endorsed): Envelope {
  return assembleTransaction(endorsed.proposal, endorsed.responses, proposer.signer);
}
