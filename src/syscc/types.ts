/** System chaincodes run in process: they take a call and return a response. */
import type { Response } from "../gen/peer/proposal_response_pb.ts";
import type { SignedProposal } from "../gen/peer/proposal_pb.ts";
import type { Bundle } from "../channel/types.ts";
import type { PeerLedger, QueryExecutor, TxSimulator } from "../ledger/types.ts";

export interface SystemChaincodeCall {
  /** "" for channelless calls (install, JoinChain, …). */
  readonly channelId: string;
  readonly txId: string;
  readonly args: readonly Uint8Array[];
  /** The proposal that (directly or through another chaincode) led here. */
  readonly signedProposal: SignedProposal | undefined;
  /** SerializedIdentity of the proposal's creator. */
  readonly creator: Uint8Array;
  readonly transient: Readonly<Record<string, Uint8Array>>;
  /** Undefined for channelless calls. */
  readonly simulator: TxSimulator | QueryExecutor | undefined;
  /** Called by another chaincode rather than by a proposal. */
  readonly viaChaincode: boolean;
  /**
   * Sets the chaincode event of this execution (lscc does on upgrade). Whoever executes the system
   * chaincode turns it into a ChaincodeEvent with the chaincode's name and the transaction id, as for
   * any chaincode; it counts only when the response's status is below 400.
   */
  readonly setEvent?: (name: string, payload: Uint8Array) => void;
}

export interface SystemChaincode {
  readonly name: string;
  /** Never throws for bad input: a Response with status 500 and Fabric's text. */
  invoke(call: SystemChaincodeCall): Response | Promise<Response>;
  /** May a proposal name it directly (cscc, qscc, lscc: yes)? */
  readonly invokableExternally: boolean;
  /** May another chaincode call it (qscc, lscc: yes, cscc: no)? */
  readonly invokableByChaincode: boolean;
}

/** What system chaincodes see of the peer's channels. */
export interface ChannelAccess {
  /** The configuration in force; undefined when this peer has not joined the channel. */
  bundle(channelId: string): Bundle | undefined;
  ledger(channelId: string): PeerLedger | undefined;
}
