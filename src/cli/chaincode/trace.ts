/** `--trace`: what a command and the peers it goes to are doing, live on stderr. */
import { sleep, withDeadline } from "../../base/async.ts";
import { messageOf } from "../../base/errors.ts";
import { ControlClient } from "../../client/control-client.ts";
import type { Endorsed, Proposer } from "../../client/endorse.ts";
import type { PeerConnection } from "../../client/peer-connection.ts";
import { Outcome, type TraceEvent } from "../../gen/denim/control_pb.ts";
import { GrpcStatus, RpcError } from "../../rpc/status.ts";
import type { Invocation } from "../command.ts";
import { LiveTrace } from "./live-trace.ts";
import { PlainTrace, type TraceDisplay } from "./trace-display.ts";

/** A peer that does not begin its trace within this time is left out. */
export const traceBeginTimeoutMs = 2_000;
/** After the answer, the last events of the launch have so long to arrive. */
export const lastEventsMs = 200;

/** Who asks the peers for their launches. */
export type TraceWatcher = Pick<Proposer, "signer" | "clock">;

/** What the traced commands do with it; without --trace nothing. */
export interface Trace {
  /** The same with a terminal that goes together with the display. */
  readonly invocation: Invocation;
  /** Begins to show the launches of a chaincode or for a transaction. Never throws. */
  watch(
    watcher: TraceWatcher,
    peers: readonly PeerConnection[],
    name: string,
    txId: string,
  ): Promise<void>;
  /** Shows a part of the command's own work. @param failed whether a result is a failure to be shown as one */
  step<T>(name: string, work: () => Promise<T>, failed?: (result: T) => boolean): Promise<T>;
  close(): Promise<void>;
}

/** The trace that `--trace` asks for, or one that shows nothing. */
export function traceOf(invocation: Invocation): Trace {
  const { flags, terminal } = invocation;
  if (!flags.declares("trace") || !flags.boolean("trace")) {
    return {
      invocation,
      watch: () => Promise.resolve(),
      step: (_name, work) => work(),
      close: () => Promise.resolve(),
    };
  }
  const live = terminal.isTerminal && terminal.environment.TERM !== "dumb";
  const display = live ? new LiveTrace(terminal, Date.now) : new PlainTrace(terminal);
  return new ShownTrace(invocation, display);
}

class ShownTrace implements Trace {
  readonly invocation: Invocation;
  readonly #stop = new AbortController();
  readonly #reading: Promise<void>[] = [];

  constructor(invocation: Invocation, private readonly display: TraceDisplay) {
    this.invocation = { ...invocation, terminal: display.terminal };
  }

  async watch(
    { signer, clock }: TraceWatcher,
    peers: readonly PeerConnection[],
    name: string,
    txId: string,
  ): Promise<void> {
    await Promise.all(peers.map(async (peer) => {
      const group = peers.length > 1 ? peer.address : "peer";
      const control = new ControlClient(peer, signer, clock);
      const events = control.trace({ name, txId }, this.#stop.signal)[Symbol.asyncIterator]();
      try {
        // The first, empty event says that nothing will be missed.
        await withDeadline(events.next(), traceBeginTimeoutMs, "beginning of the trace");
      } catch (error) {
        this.display.note(`no launches of ${peer.address} are shown: ${reasonOf(error)}`);
        return;
      }
      this.#reading.push(this.#read(events, group));
    }));
  }

  async step<T>(
    name: string,
    work: () => Promise<T>,
    failed: (result: T) => boolean = () => false,
  ): Promise<T> {
    const at = Date.now();
    const step = { group: "", name, at, where: "", facts: {} };
    this.display.step({ ...step, durationMs: 0, outcome: "running" });
    const end = (outcome: "ok" | "failed") =>
      this.display.step({ ...step, durationMs: Date.now() - at, outcome });
    try {
      const result = await work();
      await this.#lastEvents();
      end(failed(result) ? "failed" : "ok");
      return result;
    } catch (error) {
      await this.#lastEvents();
      end("failed");
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#reading);
    this.display.close();
  }

  /** The answer may overtake the events that led to it. */
  async #lastEvents(): Promise<void> {
    const pollMs = 10;
    for (let waited = 0; this.display.running > 0 && waited < lastEventsMs; waited += pollMs) {
      await sleep(pollMs);
    }
  }

  async #read(events: AsyncIterator<TraceEvent>, group: string): Promise<void> {
    try {
      for (;;) {
        const { value, done } = await events.next();
        if (done) return;
        this.#show(value, group);
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) this.display.note(`the trace ended: ${messageOf(error)}`);
    }
  }

  #show({ instance, launch, content }: TraceEvent, peer: string): void {
    if (content.case === "step") {
      const { name, beganAt, durationMs, outcome, facts } = content.value;
      const where = peer === "peer" ? instance : `${instance} at ${peer}`;
      this.display.step({
        group: `${peer} ${launch}`,
        name,
        at: Number(beganAt),
        durationMs: Number(durationMs),
        outcome: outcome === Outcome.RUNNING ? "running" : outcome === Outcome.OK ? "ok" : "failed",
        where,
        facts: factsOf(facts),
      });
    } else if (content.case === "output") {
      const { at, stream, text } = content.value;
      this.display.output(Number(at), stream, text);
    }
  }
}

function factsOf(json: string): Record<string, unknown> {
  try {
    const facts: unknown = JSON.parse(json);
    return typeof facts === "object" && facts !== null ? { ...facts } : {};
  } catch {
    return {};
  }
}

/** Did a peer refuse? Then the step has failed, though the call has not. */
export function refused({ responses }: Endorsed): boolean {
  return responses.some(({ response }) => (response?.status ?? 0) >= 400);
}

function reasonOf(error: unknown): string {
  if (error instanceof RpcError && error.status === GrpcStatus.UNIMPLEMENTED) {
    return "it is no Denim peer";
  }
  const denied = /access denied/.test(messageOf(error));
  return denied ? "only administrators of its organisation may see them" : messageOf(error);
}
