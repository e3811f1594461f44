/** How long images take. Mirrors core/container/dockercontroller/metrics.go: the engine's part, not the compiler's. */
import { type MetricsProvider, secondsSince } from "../../base/metrics.ts";
import type { LaunchObserver } from "../types.ts";

export interface BuildMetrics {
  /** An observer that measures the step in which the engine makes the image. */
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
      let beganAt = 0;
      return {
        step(step, state, facts) {
          if (step === "image") {
            if (state === "begin") beganAt = performance.now();
            else {
              duration.with(`${name}:${version}`, String(state === "end"))
                .observe(secondsSince(beganAt));
            }
          }
          observer.step(step, state, facts);
        },
        output: (line) => observer.output(line),
      };
    },
  };
}
