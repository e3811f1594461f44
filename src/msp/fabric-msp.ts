/** The X.509 MSP. Mirrors msp/mspimpl.go, mspimplsetup.go and the cache of msp/cache. */
import { hex, latin1 } from "../base/bytes.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { type Certificate, parseCertificate } from "../crypto/certificate.ts";
import { decodePem, encodePem } from "../crypto/pem.ts";
import { parseRevocationList, type RevocationList } from "../crypto/revocation-list.ts";
import type { EcdsaProvider } from "../crypto/types.ts";
import type { FabricMSPConfig, MSPConfig } from "../gen/msp/msp_config_pb.ts";
import type { MSPPrincipal } from "../gen/msp/msp_principal_pb.ts";
import { BoundedCache } from "./bounded-cache.ts";
import { CertificatePool } from "./certificate-path.ts";
import { type HashFunction, identifierHash, signatureHash } from "./hash-family.ts";
import { mspError, within } from "./msp-error.ts";
import { type NodeOu, nodeOuConfig, type NodeRole } from "./node-ous.ts";
import { checkNodeOu, checkRequiredUnits } from "./ou-rules.ts";
import { checkHasNodeOu, checkNodeRole, checkPrincipal } from "./principals.ts";
import { checkNotRevoked } from "./revocation.ts";
import { decodeSerializedIdentity, serializeIdentity } from "./serialized-identity.ts";
import {
  certificateFromPem,
  sameCertificate,
  serialText,
  TrustStore,
  uniquePath,
} from "./trust-store.ts";
import type { Msp } from "./types.ts";
import type { MspVersion } from "./version.ts";
import { type IdentityOwner, X509Identity } from "./x509-identity.ts";

export interface MspOptions {
  readonly provider: EcdsaProvider;
  /** Default `v1_3`, what channels of 1.4.2 ask for. */
  readonly version?: MspVersion;
  readonly clock?: Clock;
  /** Entries of each cache (identities, principals). Default 1000. */
  readonly maxCacheEntries?: number;
}

const defaultMaxCacheEntries = 1000;
const satisfied = Symbol("satisfied");

export class FabricMsp implements Msp, IdentityOwner {
  readonly mspId: string;
  readonly version: MspVersion;
  readonly provider: EcdsaProvider;
  readonly signatureHash: HashFunction | undefined;
  readonly signatureHashFamily: string;
  readonly tlsRootCertificates: readonly Uint8Array[];
  readonly tlsIntermediateCertificates: readonly Uint8Array[];
  readonly nodeOus: ReadonlyMap<NodeRole, NodeOu>;
  readonly ouEnforcement: boolean;
  readonly #trust: TrustStore;
  readonly #admins: readonly X509Identity[];
  readonly #revocationLists: readonly RevocationList[];
  readonly #requiredUnits = new Map<string, Uint8Array[]>();
  readonly #paths = new WeakMap<X509Identity, readonly Certificate[]>();
  readonly #validated = new WeakSet<X509Identity>();
  readonly #identities: BoundedCache<X509Identity>;
  readonly #principals: BoundedCache<unknown>;

  /** Sets up in Fabric's order. @throws DenimError `bad-msp-config`, `invalid-identity` with Fabric's reason */
  constructor(readonly config: MSPConfig, settings: FabricMSPConfig, options: MspOptions) {
    this.mspId = settings.name;
    this.version = options.version ?? "v1_3";
    this.provider = options.provider;
    const size = options.maxCacheEntries ?? defaultMaxCacheEntries;
    this.#identities = new BoundedCache(size);
    this.#principals = new BoundedCache(size);
    const v1_4_3 = this.version === "v1_4_3";

    this.signatureHashFamily = settings.cryptoConfig?.signatureHashFamily || "SHA2";
    this.signatureHash = signatureHash(this.signatureHashFamily);
    const hash = identifierHash(settings.cryptoConfig?.identityIdentifierHashFunction || "SHA256");
    this.#trust = new TrustStore(
      settings.rootCerts,
      settings.intermediateCerts,
      this.provider,
      hash,
    );
    const admins = () => settings.admins.map((pem) => this.#identityOf(certificateFromPem(pem)));
    const earlyAdmins = v1_4_3 ? undefined : admins();
    this.#revocationLists = settings.revocationList.map((bytes) =>
      within("bad-msp-config", "could not parse RevocationList", () => parseRevocationList(bytes))
    );
    this.#checkAuthorities();
    this.#checkSigningIdentity(settings, options.clock ?? systemClock);
    const tls = this.#setUpTls(settings, (options.clock ?? systemClock).now());
    this.tlsRootCertificates = tls.roots;
    this.tlsIntermediateCertificates = tls.intermediates;
    this.#setUpUnits(settings);
    const nodes = this.#setUpNodeOus(settings);
    this.nodeOus = nodes.ous;
    this.ouEnforcement = nodes.enforced;
    this.#admins = earlyAdmins ?? admins();
    if (
      v1_4_3 && this.#admins.length === 0 && !(this.ouEnforcement && this.nodeOus.has("admin"))
    ) {
      throw mspError(
        "bad-msp-config",
        "administrators must be declared when no admin ou classification is set",
      );
    }
    this.#checkAdmins();
  }

  deserializeIdentity(serialized: Uint8Array): X509Identity {
    const key = latin1(serialized);
    const known = this.#identities.get(key);
    if (known) return known;
    const { mspid, idBytes } = decodeSerializedIdentity(serialized);
    if (mspid !== this.mspId) {
      throw mspError("malformed-identity", `expected MSP ID ${this.mspId}, received ${mspid}`);
    }
    const block = decodePem(idBytes);
    if (!block) throw mspError("malformed-identity", "could not decode the PEM structure");
    const certificate = within(
      "malformed-identity",
      "parseCertificate failed",
      () => parseCertificate(block.bytes),
    );
    // The caller may reuse its buffer; the identity keeps its own copy.
    const identity = this.#identityOf(certificate, serialized.slice());
    this.#identities.set(key, identity);
    return identity;
  }

  validate(identity: X509Identity): void {
    if (this.#validated.has(identity)) return;
    const path = within(
      "invalid-identity",
      "could not obtain certification chain",
      () => this.#pathOf(identity),
    );
    within(
      "invalid-identity",
      "could not validate identity against certification chain",
      () => checkNotRevoked(path, this.#revocationLists, this.provider),
    );
    within("invalid-identity", "could not validate identity's OUs", () => {
      checkRequiredUnits(identity, this.#requiredUnits);
      if (this.version !== "v1_0" && this.ouEnforcement) {
        checkNodeOu(identity, this.nodeOus, this.version === "v1_4_3");
      }
    });
    this.#validated.add(identity);
  }

  satisfiesPrincipal(identity: X509Identity, principal: MSPPrincipal): void {
    const key = `${identity.id}:${principal.principalClassification}:${
      latin1(principal.principal)
    }`;
    let outcome = this.#principals.get(key);
    if (outcome === undefined) {
      outcome = satisfied;
      try {
        checkPrincipal(identity, principal, this);
      } catch (refusal) {
        outcome = refusal;
      }
      this.#principals.set(key, outcome);
    }
    if (outcome !== satisfied) throw outcome;
  }

  certifiersIdentifier(identity: X509Identity): Uint8Array {
    return this.#trust.identifierOf(this.#pathOf(identity).slice(1));
  }

  isAdminCertificate(identity: X509Identity): boolean {
    return this.#admins.some((admin) => sameCertificate(admin.parsed, identity.parsed));
  }

  #identityOf(certificate: Certificate, serialized?: Uint8Array): X509Identity {
    if (!certificate.publicKey) {
      throw mspError(
        "invalid-identity",
        `failed to import certificate's public key: ${certificate.keyProblem}`,
      );
    }
    const clean = this.#trust.sanitize(certificate);
    const { raw } = clean.certificate;
    const bytes = serialized ?? serializeIdentity(this.mspId, encodePem("CERTIFICATE", raw));
    const identity = new X509Identity(this, bytes, clean.certificate, hex(this.#trust.hash(raw)));
    if (clean.path) this.#paths.set(identity, clean.path);
    return identity;
  }

  /** Path of a member's certificate; an authority's certificate cannot be a member. */
  #pathOf(identity: X509Identity): readonly Certificate[] {
    if (identity.parsed.isCa) {
      throw mspError(
        "invalid-identity",
        "An X509 certificate with Basic Constraint: Certificate Authority equals true cannot be used as an identity",
      );
    }
    return this.#trust.validationPath(identity.parsed, false, this.#paths.get(identity));
  }

  #checkAuthorities(): void {
    for (const authority of [...this.#trust.roots, ...this.#trust.intermediates]) {
      checkAuthority(
        authority,
        (one) => this.#trust.path(one),
        (path) => checkNotRevoked(path, this.#revocationLists, this.provider),
      );
    }
    this.#trust.markInnerAuthorities();
  }

  #checkSigningIdentity(settings: FabricMSPConfig, clock: Clock): void {
    const info = settings.signingIdentity;
    if (!info) return;
    const signer = this.#identityOf(certificateFromPem(info.publicSigner));
    const overdue = clock.now() - signer.expiresAt;
    if (overdue >= 0) {
      throw mspError(
        "bad-msp-config",
        `signing identity expired ${Math.round(overdue / 1000)}s ago`,
        { notAfter: new Date(signer.expiresAt).toISOString() },
        "Enroll the identity again and replace signcerts and keystore.",
      );
    }
  }

  #setUpTls(settings: FabricMSPConfig, now: number) {
    const roots = settings.tlsRootCerts.map(certificateFromPem);
    const intermediates = settings.tlsIntermediateCerts.map(certificateFromPem);
    const rootPool = new CertificatePool(roots);
    const intermediatePool = new CertificatePool(intermediates);
    // Unlike for members, Fabric judges these at the present moment.
    for (const authority of [...roots, ...intermediates]) {
      checkAuthority(
        authority,
        (one) => uniquePath(one, rootPool, intermediatePool, this.provider, now),
        (path) => checkNotRevoked(path, this.#revocationLists, this.provider),
      );
    }
    return {
      roots: roots.map((one) => one.raw),
      intermediates: intermediates.map((one) => one.raw),
    };
  }

  #setUpUnits(settings: FabricMSPConfig): void {
    for (const unit of settings.organizationalUnitIdentifiers) {
      const name = unit.organizationalUnitIdentifier;
      const identifier = within(
        "bad-msp-config",
        `failed getting certificate for [${name}]`,
        () => this.#trust.identifierOfAuthority(unit.certificate),
      );
      const same = this.#requiredUnits.get(name);
      if (same) same.push(identifier);
      else this.#requiredUnits.set(name, [identifier]);
    }
  }

  #setUpNodeOus(settings: FabricMSPConfig) {
    const ous = new Map<NodeRole, NodeOu>();
    const configured = settings.fabricNodeOus;
    if (!configured || this.version === "v1_0") return { ous, enforced: false };
    const v1_4_3 = this.version === "v1_4_3";
    for (const [role, { name, certificate }] of nodeOuConfig(configured, v1_4_3)) {
      const certifiersIdentifier = certificate.length === 0
        ? undefined
        : this.#trust.identifierOfAuthority(certificate);
      ous.set(role, { name, certifiersIdentifier });
    }
    if (!v1_4_3 && (!ous.has("client") || !ous.has("peer"))) {
      throw mspError("bad-msp-config", "NodeOUs need an identifier for clients and one for peers");
    }
    return { ous, enforced: configured.enable && ous.size > 0 };
  }

  #checkAdmins(): void {
    this.#admins.forEach((admin, index) => {
      within("bad-msp-config", `admin ${index} is invalid`, () => {
        if (!this.ouEnforcement) return admin.validate();
        if (this.version === "v1_4_3") {
          try {
            return checkHasNodeOu(admin, "client", this);
          } catch {
            return checkHasNodeOu(admin, "admin", this);
          }
        }
        checkNodeRole(admin, "client", this);
      });
    });
  }
}

/** An authority must be one, carry a subject key id and have a path that is not revoked. */
function checkAuthority(
  authority: Certificate,
  pathOf: (one: Certificate) => readonly Certificate[],
  checkPath: (path: readonly Certificate[]) => void,
): void {
  const serial = serialText(authority);
  if (!authority.isCa) {
    throw mspError(
      "bad-msp-config",
      `CA Certificate did not have the CA attribute, (SN: ${serial})`,
    );
  }
  if (!authority.subjectKeyId) {
    throw mspError(
      "bad-msp-config",
      `CA Certificate problem with Subject Key Identifier extension, (SN: ${serial}): subjectKeyIdentifier not found in certificate`,
    );
  }
  const decimal = BigInt(`0x${authority.serialHex}`);
  within("bad-msp-config", `CA Certificate is not valid, (SN: ${decimal})`, () => {
    const path = within(
      "invalid-identity",
      "could not obtain certification chain",
      () => pathOf(authority),
    );
    if (path.length > 1) checkPath(path);
  });
}
