/** Settings of a running development network, laid under what the user has set. */
import { join } from "node:path";
import type { ConfigValue } from "../config/defaults.ts";
import type { Config } from "../config/types.ts";
import {
  applicationsPath,
  type NetworkOrganization,
  type RunningNetwork,
} from "./running-network.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The organisation a client acts for: CORE_PEER_LOCALMSPID's, else the first. */
export function actingOrganization(
  network: RunningNetwork,
  environment: Environment,
): NetworkOrganization {
  const wanted = environment.CORE_PEER_LOCALMSPID;
  return network.organizations.find((org) => org.mspId === wanted) ?? network.organizations[0];
}

/** The settings that a client of this organisation needs, by key. */
export function organizationSettings(org: NetworkOrganization): Record<string, string> {
  return {
    "peer.address": org.peerAddress,
    "peer.localMspId": org.mspId,
    "peer.mspConfigPath": org.adminMspPath,
    "peer.tls.enabled": "true",
    "peer.tls.rootcert.file": org.tlsRootCertFile,
  };
}

type NetworkPlaces = Pick<
  RunningNetwork,
  "directory" | "ordererAddress" | "ordererTlsRootCertFile"
>;

/** The environment of an organisation, for `denim env` and Fabric's own command line. */
export function organizationEnvironment(
  network: NetworkPlaces,
  org: NetworkOrganization,
): Record<string, string> {
  const settings = Object.entries(organizationSettings(org)).map(([key, value]) => [
    `CORE_${key.toUpperCase().replaceAll(".", "_")}`,
    value,
  ]);
  return {
    FABRIC_CFG_PATH: join(network.directory, "config"),
    ...Object.fromEntries(settings),
    ORDERER_ADDRESS: network.ordererAddress,
    ORDERER_CA: network.ordererTlsRootCertFile,
    DENIM_APPS: applicationsPath(network.directory, org.mspId),
  };
}

/** The same as lines for a shell. */
export function environmentLines(network: NetworkPlaces, org: NetworkOrganization): string {
  return Object.entries(organizationEnvironment(network, org))
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`).join("");
}

/** The configuration with the network's settings wherever the environment sets nothing. */
export function withNetworkSettings(
  config: Config,
  network: RunningNetwork,
  environment: Environment,
): Config {
  const overrides: Record<string, ConfigValue> = {};
  const settings = organizationSettings(actingOrganization(network, environment));
  for (const [key, value] of Object.entries(settings)) {
    const variable = `CORE_${key.toUpperCase().replaceAll(".", "_")}`;
    if (!environment[variable]) overrides[key] = value;
  }
  return config.with(overrides);
}
