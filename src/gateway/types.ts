/** What the gateway needs of the peer around it. */
import type { Logger } from "../base/logger.ts";
import type { AclProvider } from "../channel/types.ts";
import type { EndorsementPlanner, Membership } from "../discovery/types.ts";
import type { SignedProposal } from "../gen/peer/proposal_pb.ts";
import type { ProposalResponse } from "../gen/peer/proposal_response_pb.ts";
import type { PeerLedger } from "../ledger/types.ts";
import type { RpcClient } from "../rpc/types.ts";

/** One orderer of a channel. */
export interface OrdererEndpoint {
  readonly address: string;
  /** The ordering organisation, for error details. */
  readonly mspId: string;
  /** PEM. */
  readonly tlsRoots: readonly string[];
}

/** What the gateway asks of a ledger. */
export type GatewayLedger = Pick<
  PeerLedger,
  | "info"
  | "newQueryExecutor"
  | "blocksFrom"
  | "blockByTxId"
  | "transactionById"
  | "hasTransaction"
  | "onCommit"
>;

/** What the gateway sees of a channel that this peer has joined. */
export interface GatewayChannel {
  readonly ledger: GatewayLedger;
  /** From the configuration in force; an address once. */
  orderers(): readonly OrdererEndpoint[];
  /** PEM of an application organisation's TLS certificates; empty for one that is not a member. */
  tlsRoots(mspId: string): readonly string[];
}

/** Fabric's `peer.gateway`, in milliseconds. */
export interface GatewayTimeouts {
  /** One peer's answer to one proposal. */
  readonly endorsementMs: number;
  /** One orderer's answer to one transaction. */
  readonly broadcastMs: number;
  /** A connection to a peer or an orderer. */
  readonly dialMs: number;
}

export interface GatewayDependencies {
  /** This peer. */
  readonly local: {
    readonly address: string;
    readonly mspId: string;
    /** @throws DenimError for a proposal that is refused */
    processProposal(signed: SignedProposal, signal: AbortSignal): Promise<ProposalResponse>;
  };
  readonly channel: (channelId: string) => GatewayChannel | undefined;
  readonly membership: Membership;
  readonly planner: EndorsementPlanner;
  readonly acl: AclProvider;
  readonly isSystemChaincode: (name: string) => boolean;
  /** Does not wait for the connection. */
  readonly connect: (address: string, tlsRoots: readonly string[], timeoutMs: number) => RpcClient;
  readonly timeouts: GatewayTimeouts;
  /** Calls at a time; 0 = no limit (`peer.limits.concurrency.gatewayService`). */
  readonly maxConcurrentCalls: number;
  /** From 0 inclusive to 1 exclusive. */
  readonly random: () => number;
  readonly logger: Logger;
}

/** A peer that can be asked for an endorsement. */
export interface GatewayEndorser {
  readonly address: string;
  readonly mspId: string;
  /** Hexadecimal. */
  readonly pkiId: string;
  readonly local: boolean;
  processProposal(signed: SignedProposal, signal: AbortSignal): Promise<ProposalResponse>;
}
