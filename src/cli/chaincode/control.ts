/** What the commands that look after running chaincode share. */
import { ControlClient } from "../../client/control-client.ts";
import type { PeerConnection } from "../../client/peer-connection.ts";
import { DenimError } from "../../base/errors.ts";
import { GrpcStatus, RpcError } from "../../rpc/status.ts";
import type { Invocation } from "../command.ts";
import { UsageError } from "../flags.ts";
import { openSession, peersOf } from "../session.ts";
import { rpcErrorText } from "./failures.ts";

/** Asks the one peer of a command. @throws DenimError that says what to do */
export async function withControl<T>(
  invocation: Invocation,
  work: (control: ControlClient, peer: PeerConnection) => Promise<T>,
): Promise<T> {
  const session = await openSession(invocation, "chaincodeCmd");
  try {
    const [peer] = await peersOf(invocation, session);
    const control = new ControlClient(peer, session.client.signer, session.client.clock);
    try {
      return await work(control, peer);
    } catch (error) {
      throw explained(error, peer);
    }
  } finally {
    session.close();
  }
}

function explained(error: unknown, { address }: PeerConnection): unknown {
  if (!(error instanceof RpcError)) return error;
  if (error.status === GrpcStatus.NOT_FOUND) {
    return new DenimError(
      "no-such-chaincode",
      error.message,
      { address },
      "'denim chaincode ps --all' lists what was launched",
    );
  }
  if (error.status === GrpcStatus.UNIMPLEMENTED) {
    return new DenimError(
      "no-denim-peer",
      `the peer at ${address} is no Denim peer: it does not tell about its chaincode`,
      { address },
    );
  }
  if (/access denied/.test(error.message)) {
    return new DenimError(
      "access-denied",
      `${address}: ${rpcErrorText(error)}`,
      { address },
      "only administrators of the peer's own organisation may do this: set CORE_PEER_LOCALMSPID and CORE_PEER_MSPCONFIGPATH",
    );
  }
  return error;
}

export interface InstanceName {
  readonly name: string;
  /** "" = any. */
  readonly version: string;
}

/** `asset` or `asset:1.0`. */
export function instanceOf(argument: string): InstanceName {
  const colon = argument.indexOf(":");
  return colon < 0
    ? { name: argument, version: "" }
    : { name: argument.slice(0, colon), version: argument.slice(colon + 1) };
}

/** The NAME[:VERSION] arguments. @throws UsageError where there is none */
export function instancesNamed({ args, path }: Invocation): InstanceName[] {
  if (args.length === 0) {
    throw new UsageError("usage", `'${path.join(" ")}' requires at least one NAME[:VERSION]`);
  }
  return args.map(instanceOf);
}
