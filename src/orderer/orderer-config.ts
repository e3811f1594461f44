/** The ordering section of a channel's configuration, and whether this orderer can serve it. */
import type { ChannelBundle } from "../channel/bundle.ts";
import type { OrdererConfig } from "../channel/orderer-config.ts";
import { ordererError } from "./orderer-error.ts";

/** @throws DenimError `bad-orderer-config` where the configuration has none */
export function ordererConfig(bundle: ChannelBundle): OrdererConfig {
  const { orderer } = bundle.channelConfig;
  if (orderer) return orderer;
  throw ordererError("bad-orderer-config", "config does not contain orderer config", {
    channelId: bundle.channelId,
  });
}

/**
 * Capabilities that are known, and a consensus type that is ours. Mirrors checkResources in
 * orderer/common/multichannel/registrar.go.
 * @throws DenimError `bad-orderer-config`
 */
export function checkServable(bundle: ChannelBundle): void {
  const { consensusType } = ordererConfig(bundle);
  for (const [kind, unknown] of unsupported(bundle)) {
    throw ordererError(
      "bad-orderer-config",
      `config requires unsupported ${kind} capabilities: ${unknown}`,
      { channelId: bundle.channelId },
    );
  }
  if (consensusType !== "solo") {
    throw ordererError(
      "bad-orderer-config",
      `the embedded orderer orders alone (consensus type solo), the configuration of channel ` +
        `${bundle.channelId} asks for ${consensusType}`,
      { channelId: bundle.channelId, consensusType },
      "Use Fabric's own ordering service for kafka and etcdraft.",
    );
  }
}

function unsupported(bundle: ChannelBundle): [string, string][] {
  const channel = bundle.unsupportedCapabilities.filter((text) => text.startsWith("Channel "));
  return [
    ...bundle.unsupportedOrdererCapabilities.map((text): [string, string] => ["orderer", text]),
    ...channel.map((text): [string, string] => ["channel", text]),
  ];
}
