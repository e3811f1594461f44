/**
 * Keys and certificates of one more member of an organisation, with attributes. Lays them out as the
 * organisation's first members are; the certificate is as Fabric CA issues it. Pure.
 */
import { hex, utf8 } from "../../base/bytes.ts";
import { generateKeyPair, type Issuer, writeCertificate } from "../../crypto/certificate-writer.ts";
import { attributesExtension, type Registration, registrationAttributes } from "./attributes.ts";
import { certificateValidity, type KeyFile, place } from "./organization-keys.ts";

export interface EnrollmentAuthority {
  readonly issuer: Issuer;
  /** File name and PEM of its certificate. */
  readonly certificateName: string;
  readonly certificatePem: string;
}

export interface EnrollmentRequest extends Registration {
  readonly domain: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly ca: EnrollmentAuthority;
  readonly tlsCa: EnrollmentAuthority;
  /** The organisation's administrator, for the MSP folder. */
  readonly admin: { readonly certificateName: string; readonly certificatePem: string };
  readonly now: number;
}

/** Files relative to the member's folder, `msp` and `tls`. */
export function enrollmentFiles(request: EnrollmentRequest): KeyFile[] {
  const { name, domain, type, affiliation, ca, tlsCa, admin } = request;
  const validity = certificateValidity(request.now);
  const keys = generateKeyPair();
  const certificate = writeCertificate(
    {
      subject: {
        ...place,
        organizationalUnits: [type, ...affiliation.split(".").filter((part) => part !== "")],
        commonName: name,
      },
      ...validity,
      keyUsage: ["digitalSignature"],
      extensions: [
        attributesExtension({ ...request.attributes, ...registrationAttributes(request) }),
      ],
    },
    keys,
    ca.issuer,
  );
  const tlsKeys = generateKeyPair();
  const tlsCertificate = writeCertificate(
    {
      subject: { ...place, commonName: name },
      ...validity,
      keyUsage: ["digitalSignature", "keyEncipherment"],
      extendedKeyUsage: ["clientAuth"],
    },
    tlsKeys,
    tlsCa.issuer,
  );
  const file = (path: string, content: string, secret = false): KeyFile => ({
    path,
    content: utf8(content),
    secret,
  });
  return [
    file(`msp/admincerts/${admin.certificateName}`, admin.certificatePem),
    file(`msp/cacerts/${ca.certificateName}`, ca.certificatePem),
    file(`msp/tlscacerts/${tlsCa.certificateName}`, tlsCa.certificatePem),
    file(`msp/keystore/${hex(keys.keyId)}_sk`, keys.keyPem, true),
    file(`msp/signcerts/${name}@${domain}-cert.pem`, certificate.pem),
    file("tls/ca.crt", tlsCa.certificatePem),
    file("tls/client.crt", tlsCertificate.pem),
    file("tls/client.key", tlsKeys.keyPem, true),
  ];
}
