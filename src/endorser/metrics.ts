/** Counts of proposals. Mirrors core/endorser/metrics.go. */
import { type MetricOptions, type MetricsProvider, secondsSince } from "../base/metrics.ts";
import type { ProposalMetrics } from "./types.ts";

const metric = (name: string, help: string, ...labelNames: string[]): MetricOptions => ({
  namespace: "endorser",
  name,
  help,
  labelNames,
});

/** Undefined where nobody counts. */
export function createProposalMetrics(provider: MetricsProvider): ProposalMetrics | undefined {
  if (!provider.enabled) return undefined;
  const ofChaincode = ["channel", "chaincode"];
  // The name lacks a letter in Fabric, and dashboards know it so.
  const duration = provider.histogram(
    metric("propsal_duration", "The time to complete a proposal.", ...ofChaincode, "success"),
  );
  const received = provider.counter(
    metric("proposals_received", "The number of proposals received."),
  );
  const successful = provider.counter(
    metric("successful_proposals", "The number of successful proposals."),
  );
  const invalid = provider.counter(metric(
    "proposal_validation_failures",
    "The number of proposals that have failed initial validation.",
  ));
  const denied = provider.counter(metric(
    "proposal_acl_failures",
    "The number of proposals that failed ACL checks.",
    ...ofChaincode,
  ));
  const uninitialized = provider.counter(metric(
    "chaincode_instantiation_failures",
    "The number of chaincode instantiations or upgrade that have failed.",
    ...ofChaincode,
  ));
  const unendorsed = provider.counter(metric(
    "endorsement_failures",
    "The number of failed endorsements.",
    ...ofChaincode,
    "chaincodeerror",
  ));
  const duplicate = provider.counter(metric(
    "duplicate_transaction_failures",
    "The number of failed proposals due to duplicate transaction ID.",
    ...ofChaincode,
  ));
  return {
    received() {
      received.add(1);
      const startedAt = performance.now();
      return ({ end, channelId, chaincode, deployed, chaincodeError }) => {
        switch (end) {
          case "validation-failure":
            return invalid.add(1);
          case "not-invokable":
            return;
          case "acl-failure":
            return denied.with(channelId, chaincode).add(1);
          case "duplicate-transaction":
            return duplicate.with(channelId, chaincode).add(1);
          case "initialization-failure":
            uninitialized.with(channelId, deployed ?? chaincode).add(1);
            break;
          case "endorsement-failure":
            unendorsed.with(channelId, chaincode, String(chaincodeError)).add(1);
            break;
          case "successful":
            successful.add(1);
        }
        // What is refused at once has no duration, as in Fabric.
        duration.with(channelId, chaincode, String(end === "successful"))
          .observe(secondsSince(startedAt));
      };
    },
  };
}
