/** Collects the MSPs of a configuration while it is read. Mirrors common/channelconfig/msp.go. */
import { equals } from "@bufbuild/protobuf";
import { type MSPConfig, MSPConfigSchema } from "../gen/msp/msp_config_pb.ts";
import type { Msp } from "../msp/types.ts";
import { channelError, within } from "./channel-error.ts";

export class PendingMsps {
  readonly #msps = new Map<string, Msp>();

  /** @param createMsp sets an MSP up with the version that the channel's capabilities ask for */
  constructor(private readonly createMsp: (config: MSPConfig) => Msp) {}

  /**
   * Sets an MSP up and keeps it. Two groups may define the same MSP, but not differently.
   * @throws DenimError `bad-config`
   */
  propose(config: MSPConfig): Msp {
    for (const known of this.#msps.values()) {
      if (equals(MSPConfigSchema, known.config, config)) return known;
    }
    const msp = within(
      "bad-config",
      "setting up the MSP manager failed",
      () => this.createMsp(config),
    );
    if (this.#msps.has(msp.mspId)) {
      throw channelError(
        "bad-config",
        `Attempted to define two different versions of MSP: ${msp.mspId}`,
        { mspId: msp.mspId },
      );
    }
    this.#msps.set(msp.mspId, msp);
    return msp;
  }

  all(): Msp[] {
    return [...this.#msps.values()];
  }
}
