/** Test support: the recorded channel's MSPs and policies, straight from a config block. */
import { fromBinary } from "@bufbuild/protobuf";
import { type Block, EnvelopeSchema, PayloadSchema } from "../gen/common/common_pb.ts";
import { ConfigEnvelopeSchema, type ConfigGroup } from "../gen/common/configtx_pb.ts";
import { MSPConfigSchema } from "../gen/msp/msp_config_pb.ts";
import type { EcdsaProvider } from "../crypto/types.ts";
import { createMsp } from "../msp/create-msp.ts";
import { createMspManager } from "../msp/msp-manager.ts";
import type { MspManager } from "../msp/types.ts";
import { createPolicyManager } from "./policy-manager.ts";
import type { PolicyManager } from "./types.ts";

/** The channel group of a config block. */
export function channelGroup(block: Block): ConfigGroup {
  const envelope = fromBinary(EnvelopeSchema, block.data?.data[0] ?? new Uint8Array());
  const payload = fromBinary(PayloadSchema, envelope.payload);
  const group = fromBinary(ConfigEnvelopeSchema, payload.data).config?.channelGroup;
  if (!group) throw new Error("not a config block");
  return group;
}

/** MSP manager and policies that hold from a config block on. */
export function channelOf(
  block: Block,
  provider: EcdsaProvider,
): { group: ConfigGroup; mspManager: MspManager; policyManager: PolicyManager } {
  const group = channelGroup(block);
  const organizations = ["Application", "Orderer"]
    .flatMap((section) => Object.values(group.groups[section].groups));
  const mspManager = createMspManager(
    organizations.map((organization) =>
      createMsp(fromBinary(MSPConfigSchema, organization.values.MSP.value), { provider })
    ),
  );
  return { group, mspManager, policyManager: createPolicyManager(group, mspManager) };
}
