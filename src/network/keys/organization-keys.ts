/**
 * Keys and certificates of one organisation, laid out as cryptogen lays them out: CA, TLS CA, nodes,
 * administrator and users, each with an MSP and a TLS folder. Pure: gives files, writes none.
 */
import { hex, utf8 } from "../../base/bytes.ts";
import { type Clock, systemClock } from "../../base/clock.ts";
import {
  type DistinguishedName,
  generateKeyPair,
  type Issuer,
  type KeyPair,
  writeCertificate,
  type WrittenCertificate,
} from "../../crypto/certificate-writer.ts";

const minuteMs = 60_000;
/** Certificates begin a little in the past, for clocks that differ. */
const backdateMs = 5 * minuteMs;
const validityMs = 3650 * 24 * 60 * minuteMs;

/** Where all of them live, as cryptogen has it. */
export const place = { country: "US", province: "California", locality: "San Francisco" };

/** Hosts every node's TLS certificate names besides its own. */
export const localHosts: readonly string[] = ["localhost", "127.0.0.1", "::1"];

export interface OrganizationOptions {
  /** `org1.example.com`: names the folders, the authorities and the hosts below it. */
  readonly domain: string;
  /** Names the organisation in the material that is returned; it stands in no certificate. */
  readonly mspId: string;
  /** Default `peer`. */
  readonly kind?: "peer" | "orderer";
  /** Short host names: `peer0` becomes `peer0.org1.example.com`. Default one peer, or `orderer`. */
  readonly nodes?: readonly string[];
  /** User1, User2, … besides the administrator. Default 1 for peer organisations, 0 for orderers. */
  readonly users?: number;
  /** Tell clients and peers apart by organizational unit. Default for peer organisations only. */
  readonly nodeOus?: boolean;
  /** More DNS names or addresses for the TLS certificates of all nodes. */
  readonly hosts?: readonly string[];
  readonly clock?: Clock;
}

export interface KeyFile {
  /** Relative to the organisation's folder, with `/`. */
  readonly path: string;
  readonly content: Uint8Array;
  /** Private keys are readable by their owner only. */
  readonly secret: boolean;
}

export interface OrganizationKeys {
  readonly mspId: string;
  readonly domain: string;
  /** Folder below crypto-config: `peerOrganizations/org1.example.com`. */
  readonly folder: string;
  readonly files: readonly KeyFile[];
}

/** Name of an organisation's authority: `ca` or `tlsca`. */
export function authorityName(authority: string, domain: string): DistinguishedName {
  return { ...place, organization: domain, commonName: `${authority}.${domain}` };
}

/** Whole minutes, a little in the past, for ten years. */
export function certificateValidity(now: number): { notBefore: number; notAfter: number } {
  const notBefore = Math.floor(now / minuteMs) * minuteMs - backdateMs;
  return { notBefore, notAfter: notBefore + validityMs };
}

interface Authority {
  readonly name: string;
  readonly issuer: Issuer;
  readonly certificate: WrittenCertificate;
}

interface Member {
  readonly name: string;
  readonly keys: KeyPair;
  readonly certificate: WrittenCertificate;
  readonly tlsKeys: KeyPair;
  readonly tlsCertificate: WrittenCertificate;
}

/** Fresh keys for an organisation. About 2 ms for each certificate. */
export function generateOrganization(options: OrganizationOptions): OrganizationKeys {
  const { domain } = options;
  const kind = options.kind ?? "peer";
  const nodeOus = options.nodeOus ?? kind === "peer";
  const validity = certificateValidity((options.clock ?? systemClock).now());

  const authority = (name: string): Authority => {
    const subject = authorityName(name, domain);
    const keys = generateKeyPair();
    const certificate = writeCertificate({
      subject,
      ...validity,
      isCa: true,
      keyUsage: ["digitalSignature", "keyEncipherment", "keyCertSign", "crlSign"],
      extendedKeyUsage: ["clientAuth", "serverAuth"],
    }, keys);
    return { name: `${name}.${domain}`, issuer: { name: subject, keys }, certificate };
  };
  const ca = authority("ca");
  const tlsCa = authority("tlsca");

  const member = (name: string, unit: "client" | "peer", hosts: readonly string[]): Member => {
    const plain: DistinguishedName = { ...place, commonName: name };
    const keys = generateKeyPair();
    const tlsKeys = generateKeyPair();
    const certificate = writeCertificate(
      {
        subject: nodeOus ? { ...plain, organizationalUnits: [unit] } : plain,
        ...validity,
        keyUsage: ["digitalSignature"],
      },
      keys,
      ca.issuer,
    );
    const tlsCertificate = writeCertificate(
      {
        subject: plain,
        ...validity,
        keyUsage: ["digitalSignature", "keyEncipherment"],
        extendedKeyUsage: ["serverAuth", "clientAuth"],
        hosts,
      },
      tlsKeys,
      tlsCa.issuer,
    );
    return { name, keys, certificate, tlsKeys, tlsCertificate };
  };

  const files: KeyFile[] = [];
  const add = (path: string, content: string, secret = false) =>
    files.push({ path, content: utf8(content), secret });
  const addKey = (folder: string, keys: KeyPair) =>
    add(`${folder}/${hex(keys.keyId)}_sk`, keys.keyPem, true);
  const addVerifyingMsp = (folder: string, admin: Member, withOus: boolean) => {
    add(`${folder}/admincerts/${admin.name}-cert.pem`, admin.certificate.pem);
    add(`${folder}/cacerts/${ca.name}-cert.pem`, ca.certificate.pem);
    add(`${folder}/tlscacerts/${tlsCa.name}-cert.pem`, tlsCa.certificate.pem);
    if (withOus) add(`${folder}/config.yaml`, nodeOusYaml(`cacerts/${ca.name}-cert.pem`));
  };
  const addMember = (folder: string, one: Member, admin: Member, node: boolean) => {
    addVerifyingMsp(`${folder}/msp`, admin, node && nodeOus);
    addKey(`${folder}/msp/keystore`, one.keys);
    add(`${folder}/msp/signcerts/${one.name}-cert.pem`, one.certificate.pem);
    const tlsName = node ? "server" : "client";
    add(`${folder}/tls/ca.crt`, tlsCa.certificate.pem);
    add(`${folder}/tls/${tlsName}.crt`, one.tlsCertificate.pem);
    add(`${folder}/tls/${tlsName}.key`, one.tlsKeys.keyPem, true);
  };

  for (const [folder, one] of [["ca", ca], ["tlsca", tlsCa]] as const) {
    add(`${folder}/${one.name}-cert.pem`, one.certificate.pem);
    addKey(folder, one.issuer.keys);
  }
  const admin = member(`Admin@${domain}`, "client", []);
  addVerifyingMsp("msp", admin, nodeOus);
  addMember(`users/${admin.name}`, admin, admin, false);
  const userCount = options.users ?? (kind === "peer" ? 1 : 0);
  for (let number = 1; number <= userCount; number++) {
    const user = member(`User${number}@${domain}`, "client", []);
    addMember(`users/${user.name}`, user, user, false);
  }
  for (const short of options.nodes ?? [kind === "peer" ? "peer0" : "orderer"]) {
    const host = `${short}.${domain}`;
    const hosts = [...new Set([host, short, ...localHosts, ...(options.hosts ?? [])])];
    addMember(`${kind}s/${host}`, member(host, "peer", hosts), admin, true);
  }
  return { mspId: options.mspId, domain, folder: `${kind}Organizations/${domain}`, files };
}

function nodeOusYaml(certificate: string): string {
  const identifier = (role: string, unit: string) =>
    `  ${role}OUIdentifier:\n    Certificate: ${certificate}\n    OrganizationalUnitIdentifier: ${unit}\n`;
  return `NodeOUs:\n  Enable: true\n${identifier("Client", "client")}${identifier("Peer", "peer")}`;
}
