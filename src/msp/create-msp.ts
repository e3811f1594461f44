/** MSPs from their configuration messages. Mirrors msp.New and channelconfig's ProposeMSP. */
import { fromBinary } from "@bufbuild/protobuf";
import {
  FabricMSPConfigSchema,
  IdemixMSPConfigSchema,
  type MSPConfig,
} from "../gen/msp/msp_config_pb.ts";
import { FabricMsp, type MspOptions } from "./fabric-msp.ts";
import { IdemixMsp } from "./idemix-msp.ts";
import { mspError, within } from "./msp-error.ts";
import type { Msp } from "./types.ts";

/** MSPConfig.type. Mirrors msp.ProviderType. */
export const mspType = { fabric: 0, idemix: 1 } as const;

/**
 * An MSP, set up and checked.
 * @throws DenimError `bad-msp-config`, `invalid-identity` with Fabric's reason
 */
export function createMsp(config: MSPConfig, options: MspOptions): Msp {
  switch (config.type) {
    case mspType.fabric: {
      const settings = within(
        "bad-msp-config",
        "failed unmarshalling fabric msp config",
        () => fromBinary(FabricMSPConfigSchema, config.config),
      );
      return new FabricMsp(config, settings, options);
    }
    case mspType.idemix: {
      const { name } = within(
        "bad-msp-config",
        "failed unmarshalling idemix msp config",
        () => fromBinary(IdemixMSPConfigSchema, config.config),
      );
      return new IdemixMsp(name, config);
    }
    default:
      throw mspError("bad-msp-config", `Setup error: unsupported msp type ${config.type}`);
  }
}
