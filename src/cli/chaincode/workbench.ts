/**
 * The peers that `deploy` and `dev` work with: those of every organisation of the development network,
 * each by its own administrator, or the one peer that flags and settings name.
 */
import { systemClock } from "../../base/clock.ts";
import type { Submitter } from "../../client/chaincode-lifecycle.ts";
import { networkClient } from "../../client/network-client.ts";
import type { Invocation } from "../command.ts";
import { type CommandSession, openSession, ordererOf, peersOf } from "../session.ts";
import { channelOf } from "./call.ts";

export interface Workbench {
  readonly session: CommandSession;
  readonly channelId: string;
  /** One for each peer; the first one's organisation deploys. */
  readonly members: readonly Submitter[];
  close(): void;
}

/** How long a deployment may take to be committed. */
const commitTimeoutMs = 60_000;

/** Connects. Close it at the end. @throws DenimError, UsageError */
export async function openWorkbench(invocation: Invocation): Promise<Workbench> {
  const { flags } = invocation;
  const session = await openSession(invocation, "chaincodeCmd");
  const closers = [() => session.close()];
  const close = () => {
    for (const closer of closers.splice(0)) closer();
  };
  try {
    const { network } = session;
    if (network !== undefined && !flags.has("peerAddresses") && !flags.has("connectionProfile")) {
      const members: Submitter[] = [];
      for (const organization of network.organizations) {
        const client = await networkClient(network, organization, systemClock);
        closers.push(() => client.close());
        members.push(client);
      }
      return { session, channelId: flags.string("channelID") || network.channelId, members, close };
    }
    const channelId = channelOf(invocation);
    const { signer, clock } = session.client;
    const peers = await peersOf(invocation, session);
    const orderer = await ordererOf(invocation, session, peers);
    const members = [{ signer, clock, peers, orderer, commitTimeoutMs }];
    return { session, channelId, members, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Prints what was done and how long it took. */
export class StepPrinter {
  constructor(private readonly print: (line: string) => void) {}

  /** @param title what was done; may depend on what came of it */
  async step<T>(title: string | ((value: T) => string), work: Promise<T>): Promise<T> {
    const began = performance.now();
    const value = await work;
    const ms = `${Math.round(performance.now() - began)}`.padStart(6);
    this.print(`${ms} ms  ${typeof title === "string" ? title : title(value)}\n`);
    return value;
  }
}
