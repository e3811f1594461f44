/** When and where a deliver client tries again. Mirrors core/deliverservice/deliveryclient.go. */
import { defaultWithholdingPolicy, type WithholdingPolicy } from "./withheld-blocks.ts";

export interface ReconnectPolicy {
  /** peer.deliveryclient.connTimeout: until the request is on its way. */
  readonly connectTimeoutMs: number;
  /** peer.deliveryclient.reConnectBackoffThreshold: longest pause between rounds. */
  readonly maxBackoffMs: number;
  /** peer.deliveryclient.reconnectTotalTimeThreshold: pauses in a row after which it gives up. */
  readonly reconnectTotalTimeMs: number;
  /** Longest pause while orderers answer, but with a status (maintenance, channel not there yet). */
  readonly maxStatusPauseMs: number;
  /** An orderer that delivered nonsense is asked after all others for this long. */
  readonly distrustMs: number;
  /** When an orderer that sends nothing is compared with the others. */
  readonly withholding: WithholdingPolicy;
}

export const defaultReconnectPolicy: ReconnectPolicy = {
  connectTimeoutMs: 3_000,
  maxBackoffMs: 3_600_000,
  reconnectTotalTimeMs: 3_600_000,
  maxStatusPauseMs: 10_000,
  distrustMs: 60_000,
  withholding: defaultWithholdingPolicy,
};

/** Pause after the first unsuccessful round is twice this, then doubles. */
const backoffStepMs = 500;

/** Pause before round `attempt` + 1; `attempt` counts from 1. */
export function backoffMs(policy: ReconnectPolicy, attempt: number): number {
  return Math.min(backoffStepMs * 2 ** attempt, policy.maxBackoffMs);
}

/** Pause after the first round that only brought statuses; doubles. */
const statusStepMs = 100;

/** Pause after round `attempt` (from 1) in which orderers answered, but not with blocks. */
export function statusPauseMs(policy: ReconnectPolicy, attempt: number): number {
  return Math.min(statusStepMs * 2 ** (attempt - 1), policy.maxStatusPauseMs);
}

/** A random order (Fisher-Yates). `random` gives numbers in [0, 1). */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
