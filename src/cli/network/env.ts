/** `env`: the environment of an organisation of the running development network. */
import { DenimError } from "../../base/errors.ts";
import { environmentLines } from "../../client/network-settings.ts";
import { findRunningNetwork, readRunningNetwork } from "../../client/running-network.ts";
import type { CommandHandler } from "../command.ts";
import { networkDirectory } from "./up.ts";

export const env: CommandHandler = (invocation) => {
  const { args, flags, terminal } = invocation;
  const network = flags.has("dir")
    ? readRunningNetwork(networkDirectory(invocation))
    : findRunningNetwork(terminal.workingDirectory, terminal.environment);
  if (!network) {
    throw new DenimError(
      "no-network",
      "no development network is running",
      {},
      "start one with 'denim up'",
    );
  }
  const wanted = args[0] ?? network.organizations[0].mspId;
  const org = network.organizations.find((candidate) =>
    candidate.mspId.toLowerCase() === wanted.toLowerCase() ||
    candidate.mspId.toLowerCase() === `${wanted.toLowerCase()}msp`
  );
  if (!org) {
    const known = network.organizations.map((candidate) => candidate.mspId).join(", ");
    throw new DenimError("unknown-organization", `no organisation ${wanted}: there are ${known}`);
  }
  terminal.out(environmentLines(network, org));
  return Promise.resolve();
};
