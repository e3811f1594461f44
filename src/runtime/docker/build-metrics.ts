/** How long images take, with what they are made of. Mirrors core/container/dockercontroller/metrics.go. */
import { type MetricsProvider, secondsSince } from "../../base/metrics.ts";
import type { LaunchObserver } from "../types.ts";

export interface BuildMetrics {
  /** An observer that measures from the first step to the image, or to the step that fails. */
  observed(chaincode: { name: string; version: string }, observer: LaunchObserver): LaunchObserver;
}

/** Undefined where nobody counts. */
export function createBuildMetrics(provider: MetricsProvider): BuildMetrics | undefined {
  if (!provider.enabled) return undefined;
  const duration = provider.histogram({
    namespace: "dockercontroller",
    name: "chaincode_container_build_duration",
    help: "The time to build a chaincode image in seconds.",
    labelNames: ["chaincode", "success"],
  });
  return {
    observed({ name, version }, observer) {
      let beganAt: number | undefined;
      return {
        step(step, state, facts) {
          if (state === "begin") beganAt ??= performance.now();
          else if (beganAt !== undefined && (state === "failed" || step === "image")) {
            duration.with(`${name}:${version}`, String(state === "end"))
              .observe(secondsSince(beganAt));
            beganAt = undefined;
          }
          observer.step(step, state, facts);
        },
        output: (line) => observer.output(line),
      };
    },
  };
}
