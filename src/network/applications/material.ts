/**
 * What applications need to use a development network: profiles, wallets, PEM files and settings of a
 * shell, in a folder for each organisation. Written anew at every start and enrolment.
 *
 *     connection.json connection.yaml   fabric-network 1.4 and 2.2
 *     gateway.json gateway.yaml         fabric-gateway
 *     wallet/ wallet-1.4/               identities for fabric-network 2.x, 1.4
 *     pem/                              certificates and keys by plain names
 *     env.sh                            what `denim env` prints
 */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DenimError } from "../../base/errors.ts";
import { systemErrorReason } from "../../base/system-error.ts";
import { environmentLines } from "../../client/network-settings.ts";
import { readPem } from "../check-network.ts";
import {
  type NetworkLayout,
  networkOrganization,
  ordererHost,
  type OrganizationLayout,
} from "../layout.ts";
import {
  connectionProfile,
  type ProfileEndpoint,
  type ProfileSource,
} from "./connection-profile.ts";
import { gatewayProfile } from "./gateway-profile.ts";
import { peopleOf, type Person } from "./people.ts";
import { type MaterialFile, wallet1Files, wallet2Files } from "./wallets.ts";

const secretMode = 0o600;
const publicMode = 0o644;

/** @throws DenimError `damaged-network`, `material-not-written` */
export async function writeMaterial(layout: NetworkLayout, channelId: string): Promise<void> {
  const { stringify } = await import("yaml");
  const endpoint = async (host: string, address: string, tlsRootCertFile: string) => ({
    host,
    address,
    tlsRootCertFile,
    tlsRootCertPem: await readPem(layout, tlsRootCertFile),
  });
  const source: ProfileSource = {
    channelId,
    orderer: await endpoint(
      ordererHost,
      layout.orderer.address,
      layout.orderer.tlsRootCertFile,
    ),
    organizations: await Promise.all(layout.organizations.map(async (org) => ({
      mspId: org.mspId,
      peer: await endpoint(org.peerHost, org.peerAddress, org.tlsRootCertFile),
    }))),
  };
  for (const [i, org] of layout.organizations.entries()) {
    const { peer } = source.organizations[i];
    const people = peopleOf(layout, org);
    const profiles = {
      connection: connectionProfile(source, org.mspId),
      gateway: gatewayProfile({
        channelId,
        mspId: org.mspId,
        peer: { ...peer, tlsRootCertFile: join(org.applicationsPath, "pem", "peer-tls-ca.pem") },
        identities: people.map((person) => ({ ...person, ...pemPaths(org, person) })),
      }),
    };
    await writeFiles(org.applicationsPath, [
      ...Object.entries(profiles).flatMap(([name, profile]) => [
        open(`${name}.json`, JSON.stringify(profile, undefined, 2) + "\n"),
        open(`${name}.yaml`, stringify(profile, { lineWidth: 0, aliasDuplicateObjects: false })),
      ]),
      ...people.flatMap(personFiles),
      ...await authorityFiles(layout, org, peer),
      open("env.sh", environmentLines(clientNetwork(layout), networkOrganization(org))),
    ]);
  }
}

function clientNetwork({ directory, orderer }: NetworkLayout) {
  return {
    directory,
    ordererAddress: orderer.address,
    ordererTlsRootCertFile: orderer.tlsRootCertFile,
  };
}

/** Where the PEM files of a person are. */
export function pemPaths(
  { applicationsPath }: OrganizationLayout,
  { label }: Pick<Person, "label">,
): { certPath: string; keyPath: string } {
  const path = join(applicationsPath, "pem", label);
  return { certPath: `${path}-cert.pem`, keyPath: `${path}-key.pem` };
}

function personFiles(person: Person): MaterialFile[] {
  const below = (folder: string) => (file: MaterialFile) => ({
    ...file,
    path: `${folder}/${file.path}`,
  });
  return [
    ...wallet2Files(person).map(below("wallet")),
    ...wallet1Files(person).map(below("wallet-1.4")),
    open(`pem/${person.label}-cert.pem`, person.certificatePem),
    { path: `pem/${person.label}-key.pem`, content: person.keyPem, secret: true },
  ];
}

async function authorityFiles(
  layout: NetworkLayout,
  org: OrganizationLayout,
  peer: ProfileEndpoint,
): Promise<MaterialFile[]> {
  const ca = join(org.keysPath, "ca", `ca.${org.domain}-cert.pem`);
  return [
    open("pem/ca.pem", await readPem(layout, ca)),
    open("pem/peer-tls-ca.pem", peer.tlsRootCertPem),
    open("pem/orderer-tls-ca.pem", await readFile(layout.orderer.tlsRootCertFile, "utf8")),
  ];
}

function open(path: string, content: string): MaterialFile {
  return { path, content, secret: false };
}

async function writeFiles(directory: string, files: readonly MaterialFile[]): Promise<void> {
  const folders = new Set(files.map(({ path }) => dirname(join(directory, path))));
  let path = directory;
  try {
    for (path of folders) await mkdir(path, { recursive: true });
    for (const file of files) {
      path = join(directory, file.path);
      // An application may be reading: whole or not at all. A stale draft may have another mode.
      await rm(`${path}.part`, { force: true });
      await writeFile(`${path}.part`, file.content, {
        mode: file.secret ? secretMode : publicMode,
      });
      await rename(`${path}.part`, path);
    }
  } catch (error) {
    throw new DenimError(
      "material-not-written",
      `${path} could not be written: ${systemErrorReason(error)}`,
      { path },
      "check that the network's directory can be written and the disk has room",
      { cause: error },
    );
  }
}
