/** May one configuration follow another? Mirrors Bundle.ValidateNew in common/channelconfig/bundle.go. */
import type { ChannelBundle } from "./bundle.ts";
import { channelError } from "./channel-error.ts";
import type { Org } from "./organization-config.ts";

/** @throws DenimError `bad-config` with Fabric's reason */
export function validateNewBundle(current: ChannelBundle, next: ChannelBundle): void {
  const now = current.channelConfig;
  const then = next.channelConfig;
  if (now.orderer !== undefined) {
    if (then.orderer === undefined) throw missing("orderer");
    const migration = now.capabilities.consensusTypeMigration;
    if (!migration && now.orderer.consensusType !== then.orderer.consensusType) {
      throw channelError(
        "bad-config",
        `attempted to change consensus type from ${now.orderer.consensusType} to ` +
          then.orderer.consensusType,
      );
    }
    keepMspIds("orderer", now.orderer.orgs, then.orderer.orgs);
  }
  if (now.application !== undefined) {
    if (then.application === undefined) throw missing("application");
    keepMspIds("application", now.application.orgs, then.application.orgs);
  }
  if (now.consortiums === undefined) {
    if (then.consortiums === undefined) return;
    throw channelError(
      "bad-config",
      "current config has no consortiums section, but new config does",
    );
  }
  if (then.consortiums === undefined) throw missing("consortiums");
  for (const consortium of now.consortiums) {
    const after = then.consortiums.find(({ name }) => name === consortium.name);
    if (after) keepMspIds(`consortium ${consortium.name}`, consortium.orgs, after.orgs);
  }
}

function missing(section: string): Error {
  return channelError(
    "bad-config",
    `current config has ${section} section, but new config does not`,
  );
}

function keepMspIds(section: string, now: readonly Org[], then: readonly Org[]): void {
  for (const org of now) {
    const after = then.find(({ name }) => name === org.name);
    if (after !== undefined && after.mspId !== org.mspId) {
      throw channelError(
        "bad-config",
        `${section} org ${org.name} attempted to change MSP ID from ${org.mspId} to ${after.mspId}`,
      );
    }
  }
}
