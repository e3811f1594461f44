/** What a peer is doing, for people: its answer to SIGUSR1. */
import process from "node:process";
import type { Clock } from "../base/clock.ts";
import type { ConnectedChaincode } from "../chaincode/chaincode-host.ts";
import type { LaunchRecord } from "../chaincode/launch-record.ts";

/** What of a PeerNode is reported. */
export interface ReportedPeer {
  readonly channels: {
    ids(): readonly string[];
    get(channelId: string): ReportedChannel | undefined;
  };
  readonly chaincode: {
    connected(): readonly Pick<ConnectedChaincode, "instance" | "runtime" | "activeTransactions">[];
    launchRecords(): readonly Pick<
      LaunchRecord,
      "number" | "name" | "version" | "beganAt" | "outcome" | "steps"
    >[];
  };
}

export interface ReportedChannel {
  /** The orderer that blocks come from. */
  readonly orderer: string | undefined;
  readonly ledger: { info(): { readonly height: number } };
}

const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`;

/**
 * One line each for the process, every channel, every connected chaincode and every launch under
 * way. Go's peer writes its goroutines here (common/diag/goroutine.go).
 */
export function taskReport({ channels, chaincode }: ReportedPeer, clock: Clock): string[] {
  const { rss, heapUsed, heapTotal } = process.memoryUsage();
  const lines = [
    `process ${process.pid}: up ${seconds(process.uptime() * 1000)}, ${megabytes(rss)} resident, ` +
    `${megabytes(heapUsed)} of ${megabytes(heapTotal)} heap`,
  ];
  for (const channelId of channels.ids()) {
    const channel = channels.get(channelId);
    if (!channel) continue;
    const source = channel.orderer === undefined
      ? "no orderer connected"
      : `blocks from ${channel.orderer}`;
    lines.push(`channel ${channelId}: height ${channel.ledger.info().height}, ${source}`);
  }
  for (const connected of chaincode.connected()) {
    const { instance, runtime = "started by the user", activeTransactions } = connected;
    lines.push(`chaincode ${instance}: ${runtime}, ${activeTransactions} transactions under way`);
  }
  for (const launch of chaincode.launchRecords()) {
    if (launch.outcome !== "running") continue;
    const step = launch.steps.findLast(({ outcome }) => outcome === "running")?.name ?? "waiting";
    const age = seconds(clock.now() - launch.beganAt);
    lines.push(`launch ${launch.number} of ${launch.name}:${launch.version}: ${step}, ${age} old`);
  }
  return lines;
}
