/** Names of channels and of configuration elements. Mirrors common/configtx/validator.go. */
import { channelError } from "./channel-error.ts";

/** Characters (bytes) a channel's or an element's name may have. */
export const maxConfigIdBytes = 249;

/** @throws DenimError `bad-channel-id` with Fabric's reason */
export function validateChannelId(channelId: string): void {
  if (channelId.length === 0) {
    throw channelError("bad-channel-id", "channel ID illegal, cannot be empty");
  }
  if (utf8Length(channelId) > maxConfigIdBytes) {
    throw channelError(
      "bad-channel-id",
      `channel ID illegal, cannot be longer than ${maxConfigIdBytes}`,
      { channelId },
    );
  }
  if (!/^[a-z][a-z0-9.-]*$/.test(channelId) || channelId.endsWith("\n")) {
    throw channelError(
      "bad-channel-id",
      `channel ID '${channelId}' contains illegal characters`,
      { channelId },
    );
  }
}

/** Checks the name of a group, value or policy. @throws DenimError `bad-config` with Fabric's reason */
export function validateConfigId(configId: string): void {
  if (configId.length === 0) {
    throw channelError("bad-config", "config ID illegal, cannot be empty");
  }
  if (utf8Length(configId) > maxConfigIdBytes) {
    throw channelError(
      "bad-config",
      `config ID illegal, cannot be longer than ${maxConfigIdBytes}`,
    );
  }
  if (configId === "." || configId === "..") {
    throw channelError("bad-config", `name '${configId}' for config ID is not allowed`);
  }
  if (!/^[a-zA-Z0-9.-]+$/.test(configId)) {
    throw channelError("bad-config", `config ID '${configId}' contains illegal characters`);
  }
}

function utf8Length(text: string): number {
  return text.length > maxConfigIdBytes ? text.length : new TextEncoder().encode(text).length;
}
