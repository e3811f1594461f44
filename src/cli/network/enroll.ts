/** `enroll`: a new member of an organisation of the development network. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../base/clock.ts";
import { DenimError } from "../../base/errors.ts";
import { findRunningNetwork } from "../../client/running-network.ts";
import type { CommandHandler, Invocation } from "../command.ts";
import { UsageError } from "../flags.ts";
import { networkDirectory } from "./up.ts";

export const enroll: CommandHandler = async (invocation) => {
  const { args: [name, ...others], flags, terminal } = invocation;
  if (name === undefined || others.length > 0) {
    throw new UsageError("usage", "enroll takes one name");
  }
  const [{ layoutOf }, { readSettings }, network, { pemPaths, writeMaterial }] = await Promise.all([
    import("../../network/layout.ts"),
    import("../../network/settings.ts"),
    import("../../network/enroll.ts"),
    import("../../network/applications/material.ts"),
  ]);
  const directory = directoryOf(invocation);
  const settings = readSettings(directory);
  if (!settings || !existsSync(join(directory, "crypto-config"))) {
    throw new DenimError(
      "no-network",
      `there is no development network in ${directory}`,
      { directory },
      "start one with 'denim up', or name its directory with --dir",
    );
  }
  const layout = layoutOf(directory, settings);
  const org = network.enroll(layout, {
    name,
    mspId: flags.string("org") || layout.organizations[0].mspId,
    type: flags.string("type"),
    affiliation: flags.string("affiliation"),
    attributes: flags.array("attr"),
    clock: systemClock,
  });
  await writeMaterial(layout, settings.channelId);
  const { certPath, keyPath } = pemPaths(org, { label: name });
  terminal.out([
    `Enrolled ${name} of ${org.mspId}`,
    `  wallet       ${join(org.applicationsPath, "wallet", `${name}.id`)}`,
    `  certificate  ${certPath}`,
    `  private key  ${keyPath}`,
    `  MSP          ${join(org.keysPath, "users", `${name}@${org.domain}`, "msp")}`,
    "",
  ].join("\n"));
};

/** `--dir`, else the running network, else the directory where `up` would start one. */
function directoryOf(invocation: Invocation): string {
  const { flags, terminal } = invocation;
  const running = flags.has("dir")
    ? undefined
    : findRunningNetwork(terminal.workingDirectory, terminal.environment);
  return running?.directory ?? networkDirectory(invocation);
}
