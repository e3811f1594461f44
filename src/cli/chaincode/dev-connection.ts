/** Peers that have handed a chaincode over, found again when they were away. */
import { sleep } from "../../base/async.ts";
import type { Invocation } from "../command.ts";
import { installedEverywhere, instantiatedVersion, newVersion } from "./deploy-directory.ts";
import { DevPeer } from "./dev-peer.ts";
import { openWorkbench, type Workbench } from "./workbench.ts";

/** A peer that has gone is looked for so often. */
const reconnectPauseMs = 500;

/** The chaincode handed over by every peer, as long as the peers are there. */
export interface Connected {
  readonly bench: Workbench;
  readonly peers: readonly DevPeer[];
  readonly version: string;
  /** It has to be instantiated still. */
  readonly isNew: boolean;
  /** Aborts when a peer has gone. */
  readonly lost: AbortSignal;
  close(): void;
}

/**
 * Attaches. Once it has worked, it is tried again until it works again; undefined when interrupted before.
 * @param before the version that was attached last
 * @throws DenimError, RpcError the first time
 */
export async function connected(
  invocation: Invocation,
  name: string,
  before: string | undefined,
  interrupted: AbortSignal,
): Promise<Connected | undefined> {
  if (before === undefined) return await connect(invocation, name, before);
  for (;;) {
    await sleep(reconnectPauseMs, interrupted);
    if (interrupted.aborted) return undefined;
    try {
      return await connect(invocation, name, before);
    } catch {
      // Still away, or not ready yet.
    }
  }
}

async function connect(
  invocation: Invocation,
  name: string,
  before: string | undefined,
): Promise<Connected> {
  const bench = await openWorkbench(invocation);
  const lost = new AbortController();
  const peers: DevPeer[] = [];
  const close = () => {
    for (const peer of peers) peer.release();
    bench.close();
  };
  try {
    const deployed = await instantiatedVersion(bench, name);
    const installed = await installedEverywhere(bench, name);
    const version = deployed ?? before ??
      (invocation.flags.string("version") || newVersion(undefined, installed));
    for (const member of bench.members) {
      peers.push(
        await DevPeer.attach(member, name, version, (error) => lost.abort(error)),
      );
    }
    return { bench, peers, version, isNew: deployed === undefined, lost: lost.signal, close };
  } catch (error) {
    close();
    throw error;
  }
}
