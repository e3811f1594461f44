/** How an MSP behaves, by the channel's capability. Mirrors msp/factory.go; v1_4_3 came later. */
export type MspVersion = "v1_0" | "v1_1" | "v1_3" | "v1_4_3";

/** The MSP version that a channel's capabilities ask for. Mirrors ChannelProvider.MSPVersion. */
export function mspVersionOf(capabilities: {
  readonly v1_1: boolean;
  readonly v1_3: boolean;
  readonly v1_4_2: boolean;
  readonly v1_4_3?: boolean;
}): MspVersion {
  if (capabilities.v1_4_3) return "v1_4_3";
  if (capabilities.v1_3 || capabilities.v1_4_2) return "v1_3";
  return capabilities.v1_1 ? "v1_1" : "v1_0";
}
