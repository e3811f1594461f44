/** Traces of a peer's proposals and launches, where the `OTEL_*` variables ask for them. */
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { LaunchHistory } from "../chaincode/launch-history.ts";
import { LaunchSpans } from "../chaincode/launch-spans.ts";
import type { Endorser } from "../gen/peer/peer_pb.ts";
import type { ServiceHandlers } from "../rpc/types.ts";
import { samplerOf } from "../telemetry/sampler.ts";
import { telemetrySettings } from "../telemetry/settings.ts";
import { SpanExporter } from "../telemetry/span-exporter.ts";
import { TracedEndorser } from "./traced-endorser.ts";

export interface TelemetryOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly peer: { readonly id: string; readonly localMspId: string; readonly networkId: string };
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Telemetry {
  /** The same endorser, with traces. */
  traced(endorser: ServiceHandlers<typeof Endorser>): ServiceHandlers<typeof Endorser>;
  /** Traces launches from now on, until the history is closed. */
  followLaunches(launches: Pick<LaunchHistory, "watch">): void;
  /** Sends what waits; call it when the chaincode is closed. */
  close(): Promise<void>;
}

const none: Telemetry = {
  traced: (endorser) => endorser,
  followLaunches() {},
  close: () => Promise.resolve(),
};

/** Never throws: settings that cannot be followed are told in the log, and the peer runs without traces. */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { environment, peer, clock, logger } = options;
  try {
    const settings = telemetrySettings(environment);
    if (settings === undefined) return none;
    const resource = {
      "service.instance.id": peer.id,
      "process.pid": Deno.pid,
      "fabric.msp.id": peer.localMspId,
      "fabric.network.id": peer.networkId,
    };
    const exporter = new SpanExporter({ settings, resource, logger });
    const sampler = samplerOf(settings.sampler.name, settings.sampler.ratio);
    const add = exporter.add.bind(exporter);
    const endorser = new TracedEndorser({ sampler, clock, add });
    const launches = new LaunchSpans({
      proposalSpan: (txId) => endorser.spanOf(txId),
      sampler,
      add,
    });
    logger.info(`traces are exported to ${settings.url} (${settings.protocol})`);
    const ended = new AbortController();
    let following = Promise.resolve();
    return {
      traced: (handlers) => endorser.around(handlers),
      followLaunches(history) {
        following = launches.follow(history.watch(() => true, ended.signal));
      },
      async close() {
        ended.abort();
        await following;
        await exporter.close();
      },
    };
  } catch (error) {
    logger.warn(messageOf(error));
    return none;
  }
}
