/** Test support: certificate authorities, members and revocation lists made on the spot. */
import { randomBytes, sign } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { utf8 } from "../base/bytes.ts";
import { parseCertificate } from "../crypto/certificate.ts";
import {
  type CertificateTemplate,
  generateKeyPair,
  type Issuer,
  type KeyPair,
  writeCertificate,
} from "../crypto/certificate-writer.ts";
import {
  bitString,
  DerReader,
  explicit,
  implicit,
  octetString,
  oid,
  sequence,
  tag,
  time,
  unsignedInteger,
} from "../crypto/der.ts";
import { curves, decodeSignature, encodeSignature } from "../crypto/ecdsa-signature.ts";
import { encodePem } from "../crypto/pem.ts";
import type { CurveName } from "../crypto/types.ts";
import {
  type FabricMSPConfig,
  FabricMSPConfigSchema,
  type MSPConfig,
  MSPConfigSchema,
} from "../gen/msp/msp_config_pb.ts";
import type { MessageInitShape } from "@bufbuild/protobuf";

const notBefore = Date.UTC(2026, 0, 1);
const notAfter = Date.UTC(2036, 0, 1);

export interface TestMember {
  readonly keys: KeyPair;
  readonly der: Uint8Array<ArrayBuffer>;
  readonly pem: string;
}

export class TestAuthority implements TestMember {
  readonly issuer: Issuer;

  constructor(
    readonly name: string,
    readonly keys: KeyPair,
    readonly der: Uint8Array<ArrayBuffer>,
    readonly pem: string,
  ) {
    this.issuer = { name: { commonName: name }, keys };
  }

  static root(name = "root", template: Partial<CertificateTemplate> = {}, curve?: CurveName) {
    return TestAuthority.#make(name, template, undefined, curve);
  }

  authority(name: string, template: Partial<CertificateTemplate> = {}): TestAuthority {
    return TestAuthority.#make(name, template, this.issuer);
  }

  static #make(
    name: string,
    template: Partial<CertificateTemplate>,
    issuer?: Issuer,
    curve?: CurveName,
  ): TestAuthority {
    const keys = generateKeyPair(curve);
    const { der, pem } = writeCertificate(
      {
        subject: { commonName: name },
        notBefore,
        notAfter,
        isCa: true,
        keyUsage: ["keyCertSign", "crlSign"],
        ...template,
      },
      keys,
      issuer,
    );
    return new TestAuthority(name, keys, der, pem);
  }

  member(
    name: string,
    units: readonly string[] = [],
    template: Partial<CertificateTemplate> = {},
    curve?: CurveName,
  ): TestMember {
    const keys = generateKeyPair(curve);
    const written = writeCertificate(
      {
        subject: { commonName: name, organizationalUnits: units },
        notBefore,
        notAfter,
        keyUsage: ["digitalSignature"],
        ...template,
      },
      keys,
      this.issuer,
    );
    return { keys, ...written };
  }

  /** A revocation list over members, signed with `signer`'s key. */
  revocationList(members: readonly TestMember[], signer: TestAuthority = this): Uint8Array {
    const algorithm = sequence(oid("1.2.840.10045.4.3.2"));
    const { rawSubject } = parseCertificate(this.der);
    const tbs = sequence(
      unsignedInteger(Uint8Array.of(1)),
      algorithm,
      rawSubject,
      time(notBefore),
      time(notAfter),
      sequence(
        ...members.map(({ der }) =>
          sequence(unsignedInteger(parseCertificate(der).serial), time(notBefore))
        ),
      ),
      explicit(
        0,
        sequence(sequence(
          oid("2.5.29.35"),
          octetString(sequence(implicit(0, this.keys.keyId))),
        )),
      ),
    );
    const signature = new Uint8Array(sign("sha256", tbs, signer.keys.privateKey));
    return utf8(encodePem("X509 CRL", sequence(tbs, algorithm, bitString(signature))));
  }
}

/** The same certificate with a signature of high S. */
export function withHighS(der: Uint8Array, curve: CurveName = "P-256"): Uint8Array<ArrayBuffer> {
  const outer = new DerReader(der).enter(tag.sequence);
  const [tbs, algorithm] = [outer.next(), outer.next()];
  const { r, s } = decodeSignature(parseCertificate(der).signature);
  const high = curves[curve].order - s.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  const digits = high.toString(16).padStart(curves[curve].size * 2, "0");
  const bytes = Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  return sequence(tbs.raw, algorithm.raw, bitString(encodeSignature(r, bytes)));
}

/** A configuration message of a Fabric MSP. */
export function mspConfig(
  name: string,
  settings: Omit<MessageInitShape<typeof FabricMSPConfigSchema>, "$typeName"> & {
    roots: readonly TestMember[];
    adminMembers?: readonly TestMember[];
  },
): MSPConfig {
  const { roots, adminMembers, ...rest } = settings;
  const message: FabricMSPConfig = create(FabricMSPConfigSchema, {
    name,
    rootCerts: roots.map(({ pem }) => utf8(pem)),
    admins: (adminMembers ?? []).map(({ pem }) => utf8(pem)),
    ...rest,
  });
  return create(MSPConfigSchema, {
    type: 0,
    config: toBinary(FabricMSPConfigSchema, message),
  });
}

/** Random bytes that look like nothing. */
export function garbage(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length));
}
