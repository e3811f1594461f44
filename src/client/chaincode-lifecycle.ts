/** A chaincode's life as a client drives it: install, deploy, invoke, query, each waited for. */
import type { ChaincodeInvocationSpec } from "../gen/peer/chaincode_pb.ts";
import { DenimError } from "../base/errors.ts";
import { CommitWaiter } from "./commit-waiter.ts";
import { endorse, type ProposalOptions, type Proposer, query, transactionOf } from "./endorse.ts";
import {
  type ChaincodeCall,
  chaincodeInvocation,
  deployInvocation,
  type Deployment,
  installInvocation,
} from "./lifecycle.ts";
import type { OrdererConnection } from "./orderer-connection.ts";

/** Who acts, through which orderer, and how long a commit may take. */
export interface Submitter extends Proposer {
  readonly orderer: OrdererConnection;
  readonly commitTimeoutMs: number;
}

/** @throws DenimError `bad-response` with lscc's reason */
export async function installPackage(proposer: Proposer, packageBytes: Uint8Array): Promise<void> {
  await query(proposer, "", installInvocation(packageBytes));
}

/** Instantiates or upgrades and waits for the commit. @throws as `submit` */
export async function deployAndCommit(
  submitter: Submitter,
  kind: "deploy" | "upgrade",
  deployment: Deployment,
  options: ProposalOptions = {},
): Promise<Uint8Array> {
  const invocation = deployInvocation(kind, deployment);
  return await submit(submitter, deployment.channelId, invocation, options);
}

/** Invokes and waits for the commit. @throws as `submit` */
export async function invokeAndCommit(
  submitter: Submitter,
  channelId: string,
  call: ChaincodeCall,
): Promise<Uint8Array> {
  return await submit(submitter, channelId, chaincodeInvocation(call));
}

/** The payload of a query. @throws DenimError `bad-response` with the chaincode's message */
export async function queryChaincode(
  proposer: Proposer,
  channelId: string,
  call: ChaincodeCall,
): Promise<Uint8Array> {
  return await query(proposer, channelId, chaincodeInvocation(call));
}

/**
 * Endorses, orders, and waits until every endorsing peer has committed the transaction.
 * @returns the chaincode's payload
 * @throws DenimError `not-endorsed`, `commit-invalid`, `commit-timeout`; RpcError
 */
async function submit(
  submitter: Submitter,
  channelId: string,
  invocation: ChaincodeInvocationSpec,
  options: ProposalOptions = {},
): Promise<Uint8Array> {
  const { peers, signer, clock, orderer, commitTimeoutMs } = submitter;
  const endorsed = await endorse(submitter, channelId, invocation, options);
  const transaction = transactionOf(submitter, endorsed);
  const waiter = await CommitWaiter.connect(peers, channelId, signer, clock, commitTimeoutMs);
  try {
    await orderer.broadcast(transaction);
    for (const { status, address } of await waiter.wait(endorsed.txId)) {
      if (status !== "VALID") {
        throw new DenimError(
          "commit-invalid",
          `transaction ${endorsed.txId} was committed as ${status} at ${address}`,
          { txId: endorsed.txId, status, address },
        );
      }
    }
  } finally {
    waiter.close();
  }
  return endorsed.responses[0].response?.payload ?? new Uint8Array(0);
}
