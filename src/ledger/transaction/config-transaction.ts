/**
 * The write of a CONFIG transaction: the channel's configuration under the empty namespace.
 * Mirrors core/peer/configtx_processor.go.
 */
import { DenimError, messageOf } from "../../base/errors.ts";
import { readBytesFields } from "../../protocol/go-wire.ts";

export const configNamespace = "";
export const channelConfigKey = "resourcesconfigtx.CHANNEL_CONFIG_KEY";

/** Field number of ConfigEnvelope.config. */
const configField = 1;

/**
 * Original bytes of the Config inside ConfigEnvelope bytes.
 * @throws DenimError `bad-config-transaction`
 */
export function configBytesOf(configEnvelope: Uint8Array): Uint8Array {
  let config: Uint8Array | undefined;
  try {
    config = readBytesFields(configEnvelope, configField)[configField];
  } catch (cause) {
    throw new DenimError(
      "bad-config-transaction",
      `error unmarshaling ConfigEnvelope: ${messageOf(cause)}`,
      {},
      undefined,
      { cause },
    );
  }
  if (config === undefined) {
    throw new DenimError("bad-config-transaction", "Channel config found nil");
  }
  return config;
}
