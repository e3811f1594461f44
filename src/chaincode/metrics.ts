/** Launches, shim requests and timeouts by chaincode. Mirrors core/chaincode/metrics.go. */
import { DenimError } from "../base/errors.ts";
import { type MetricOptions, type MetricsProvider, secondsSince } from "../base/metrics.ts";

const metric = (name: string, help: string, ...labelNames: string[]): MetricOptions => ({
  namespace: "chaincode",
  name,
  help,
  labelNames,
});

/** Instances are `name:version`. */
export interface ChaincodeMetrics {
  /** Measures a wait for a launch; a launch that failed is counted once, however many waited. */
  launch<T>(instance: string, launching: Promise<T>): Promise<T>;
  /** A request of a chaincode has come in; the function is told whether it could be served. */
  shimRequest(type: string, channelId: string, instance: string): (success: boolean) => void;
  executeTimeout(instance: string): void;
}

/** Undefined where nobody counts. */
export function createChaincodeMetrics(provider: MetricsProvider): ChaincodeMetrics | undefined {
  if (!provider.enabled) return undefined;
  const launchDuration = provider.histogram(
    metric("launch_duration", "The time to launch a chaincode.", "chaincode", "success"),
  );
  const launchFailures = provider.counter(
    metric("launch_failures", "The number of chaincode launches that have failed.", "chaincode"),
  );
  const launchTimeouts = provider.counter(
    metric("launch_timeouts", "The number of chaincode launches that have timed out.", "chaincode"),
  );
  const request = ["type", "channel", "chaincode"];
  const received = provider.counter(metric(
    "shim_requests_received",
    "The number of chaincode shim requests received.",
    ...request,
  ));
  const completed = provider.counter(metric(
    "shim_requests_completed",
    "The number of chaincode shim requests completed.",
    ...request,
    "success",
  ));
  const duration = provider.histogram(metric(
    "shim_request_duration",
    "The time to complete chaincode shim requests.",
    ...request,
    "success",
  ));
  const timeouts = provider.counter(metric(
    "execute_timeouts",
    "The number of chaincode executions (Init or Invoke) that have timed out.",
    "chaincode",
  ));
  const counted = new WeakSet<DenimError>();
  const launchFailed = (instance: string, error: unknown) => {
    if (!(error instanceof DenimError) || counted.has(error) || notLaunched.has(error.code)) return;
    counted.add(error);
    (error.code === "launch-timeout" ? launchTimeouts : launchFailures).with(instance).add(1);
  };
  return {
    async launch(instance, launching) {
      const startedAt = performance.now();
      try {
        const launched = await launching;
        launchDuration.with(instance, "true").observe(secondsSince(startedAt));
        return launched;
      } catch (error) {
        launchFailed(instance, error);
        launchDuration.with(instance, "false").observe(secondsSince(startedAt));
        throw error;
      }
    },
    shimRequest(type, channelId, instance) {
      received.with(type, channelId, instance).add(1);
      const startedAt = performance.now();
      return (success) => {
        const outcome = String(success);
        duration.with(type, channelId, instance, outcome).observe(secondsSince(startedAt));
        completed.with(type, channelId, instance, outcome).add(1);
      };
    },
    executeTimeout: (instance) => timeouts.with(instance).add(1),
  };
}

/** Ends of a wait that are no failure of the launch. */
const notLaunched: ReadonlySet<string> = new Set([
  "cancelled",
  "chaincode-stopped",
  "launch-paused",
  "shutting-down",
]);
