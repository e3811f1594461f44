/** Names and places of a development network: organisations, hosts, files. Pure. */
import { join } from "node:path";
import { applicationsPath, type NetworkOrganization } from "../client/running-network.ts";
import type { NetworkSettings } from "./settings.ts";

export const ordererMspId = "OrdererMSP";
export const ordererDomain = "example.com";
export const ordererHost = `orderer.${ordererDomain}`;
export const systemChannelId = "denim-system";
/** What clients dial; the certificates name it, besides the host names. */
const localHost = "localhost";

export interface OrganizationLayout {
  readonly mspId: string;
  /** Name in the channel configuration. */
  readonly name: string;
  readonly domain: string;
  readonly peerHost: string;
  readonly peerAddress: string;
  readonly peerListenAddress: string;
  readonly chaincodeListenAddress: string;
  readonly mspPath: string;
  readonly peerMspPath: string;
  readonly peerTlsPath: string;
  readonly adminMspPath: string;
  readonly tlsRootCertFile: string;
  readonly dataPath: string;
  /** The organisation's own folder in crypto-config: `ca`, `tlsca`, `users`, … */
  readonly keysPath: string;
  /** What applications need, see applications/. */
  readonly applicationsPath: string;
}

export interface NetworkLayout {
  readonly directory: string;
  readonly cryptoPath: string;
  readonly configPath: string;
  readonly genesisBlockFile: string;
  readonly channelTransactionFile: string;
  readonly channelBlockFile: string;
  readonly orderer: {
    readonly address: string;
    readonly listenAddress: string;
    readonly organizationMspPath: string;
    readonly mspPath: string;
    readonly tlsPath: string;
    readonly tlsRootCertFile: string;
    readonly dataPath: string;
  };
  readonly organizations: readonly OrganizationLayout[];
}

/** @param directory absolute */
export function layoutOf(directory: string, settings: NetworkSettings): NetworkLayout {
  const cryptoPath = join(directory, "crypto-config");
  const ordererPath = join(cryptoPath, "ordererOrganizations", ordererDomain);
  return {
    directory,
    cryptoPath,
    configPath: join(directory, "config"),
    genesisBlockFile: join(directory, "artifacts", "genesis.block"),
    channelTransactionFile: join(directory, "artifacts", `${settings.channelId}.tx`),
    channelBlockFile: join(directory, "artifacts", `${settings.channelId}.block`),
    orderer: {
      address: `${localHost}:${settings.ordererPort}`,
      listenAddress: `127.0.0.1:${settings.ordererPort}`,
      organizationMspPath: join(ordererPath, "msp"),
      mspPath: join(ordererPath, "orderers", ordererHost, "msp"),
      tlsPath: join(ordererPath, "orderers", ordererHost, "tls"),
      tlsRootCertFile: join(ordererPath, "orderers", ordererHost, "tls", "ca.crt"),
      dataPath: join(directory, "orderer"),
    },
    organizations: settings.organizations.map((ports, i) => {
      const name = `Org${i + 1}`;
      const domain = `org${i + 1}.${ordererDomain}`;
      const peerHost = `peer0.${domain}`;
      const path = join(cryptoPath, "peerOrganizations", domain);
      return {
        mspId: `${name}MSP`,
        name: `${name}MSP`,
        domain,
        peerHost,
        peerAddress: `${localHost}:${ports.peer}`,
        peerListenAddress: `127.0.0.1:${ports.peer}`,
        chaincodeListenAddress: `127.0.0.1:${ports.chaincode}`,
        mspPath: join(path, "msp"),
        peerMspPath: join(path, "peers", peerHost, "msp"),
        peerTlsPath: join(path, "peers", peerHost, "tls"),
        adminMspPath: join(path, "users", `Admin@${domain}`, "msp"),
        tlsRootCertFile: join(path, "peers", peerHost, "tls", "ca.crt"),
        dataPath: join(directory, "peers", peerHost),
        keysPath: path,
        applicationsPath: applicationsPath(directory, `${name}MSP`),
      };
    }),
  };
}

/** The organisation as clients look it up. */
export function networkOrganization(org: OrganizationLayout): NetworkOrganization {
  return {
    mspId: org.mspId,
    name: org.name,
    peerAddress: org.peerAddress,
    adminMspPath: org.adminMspPath,
    tlsRootCertFile: org.tlsRootCertFile,
  };
}
