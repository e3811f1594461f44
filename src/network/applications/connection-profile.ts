/**
 * The common connection profile, version 1.0, that fabric-network 1.4 and 2.2 read, as seen by one
 * organisation. Pure.
 */
export interface ProfileEndpoint {
  /** `peer0.org1.example.com`: its name in the profile and in its certificate. */
  readonly host: string;
  /** host:port */
  readonly address: string;
  readonly tlsRootCertFile: string;
  readonly tlsRootCertPem: string;
}

export interface ProfileOrganization {
  /** `Org1MSP` */
  readonly mspId: string;
  /** One peer each. */
  readonly peer: ProfileEndpoint;
}

export interface ProfileSource {
  readonly channelId: string;
  readonly orderer: ProfileEndpoint;
  readonly organizations: readonly ProfileOrganization[];
}

/** Seconds, as the profile has them. */
const connectionTimeout = "300";

/** `Org1MSP` is `Org1` in profiles, as in Fabric's samples. */
export function organizationName(mspId: string): string {
  return mspId.replace(/MSP$/, "");
}

/** The profile of an organisation's applications: all peers of the channel, its orderer. */
export function connectionProfile(source: ProfileSource, mspId: string): Record<string, unknown> {
  const { channelId, orderer, organizations } = source;
  const role = {
    endorsingPeer: true,
    chaincodeQuery: true,
    ledgerQuery: true,
    eventSource: true,
  };
  const timeout = { peer: { endorser: connectionTimeout }, orderer: connectionTimeout };
  return {
    name: `denim-${channelId}`,
    version: "1.0.0",
    client: {
      organization: organizationName(mspId),
      connection: { timeout },
    },
    channels: {
      [channelId]: {
        orderers: [orderer.host],
        peers: Object.fromEntries(organizations.map(({ peer }) => [peer.host, role])),
      },
    },
    organizations: Object.fromEntries(organizations.map((org) => [
      organizationName(org.mspId),
      { mspid: org.mspId, peers: [org.peer.host] },
    ])),
    orderers: { [orderer.host]: endpoint(orderer) },
    peers: Object.fromEntries(organizations.map(({ peer }) => [peer.host, endpoint(peer)])),
  };
}

function endpoint({ host, address, tlsRootCertFile, tlsRootCertPem }: ProfileEndpoint) {
  return {
    url: `grpcs://${address}`,
    grpcOptions: { "ssl-target-name-override": host, hostnameOverride: host },
    // SDKs take the text, so that the profile can be copied elsewhere; `peer` takes the path.
    tlsCACerts: { pem: tlsRootCertPem, path: tlsRootCertFile },
  };
}
