/**
 * Which TLS client certificate belongs to which chaincode instance. Mirrors
 * core/chaincode/accesscontrol: the peer's own CA issues a certificate for every launch, and only
 * the holder of that certificate may register under that name.
 */
import { fromBinary } from "@bufbuild/protobuf";
import type { Clock } from "../base/clock.ts";
import { hex } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { sha256 } from "../crypto/hash.ts";
import { ChaincodeIDSchema } from "../gen/peer/chaincode_pb.ts";
import {
  type ChaincodeMessage,
  ChaincodeMessage_Type as Type,
} from "../gen/peer/chaincode_shim_pb.ts";
import type { ChaincodeTls } from "../runtime/types.ts";
import { wrapError } from "./wrap-error.ts";

/** How long a certificate may be used to register; an established stream lives on. */
export const certificateLifetimeMs = 10 * 60_000;

/** The part of a certificate authority that is needed here (see crypto/certificate-authority.ts). */
export interface ClientCertificateIssuer {
  /** PEM of the CA certificate that chaincode trusts for the peer's chaincode listener. */
  readonly certificatePem: string;
  /** A fresh key pair for TLS clients. */
  newClientKeyPair(): Promise<IssuedCertificate>;
}

export interface IssuedCertificate {
  readonly keyPem: string;
  readonly certPem: string;
  readonly certDer: Uint8Array;
}

interface Issued {
  readonly instance: string;
  readonly expiresAt: number;
  /** It outlives the launches of its instance. */
  readonly lasting: boolean;
}

export class Authenticator {
  readonly #issued = new Map<string, Issued>();

  constructor(private readonly ca: ClientCertificateIssuer, private readonly clock: Clock) {}

  /** Issues a certificate for `name:version` and remembers whose it is. @throws DenimError */
  async issue(instance: string): Promise<ChaincodeTls> {
    return (await this.#issue(instance, this.clock.now() + certificateLifetimeMs, false)).tls;
  }

  /** The same for chaincode that may register again and again until this is withdrawn. */
  async issueUntilWithdrawn(
    instance: string,
  ): Promise<{ readonly tls: ChaincodeTls; withdraw(): void }> {
    const { tls, hash } = await this.#issue(instance, Infinity, true);
    return { tls, withdraw: () => void this.#issued.delete(hash) };
  }

  async #issue(
    instance: string,
    expiresAt: number,
    lasting: boolean,
  ): Promise<{ tls: ChaincodeTls; hash: string }> {
    let issued: IssuedCertificate;
    try {
      issued = await this.ca.newClientKeyPair();
    } catch (error) {
      throw wrapError(`failed to generate TLS certificates for ${instance}`, error);
    }
    const now = this.clock.now();
    for (const [hash, entry] of this.#issued) {
      if (entry.expiresAt <= now) this.#issued.delete(hash);
    }
    const digest = hex(sha256(issued.certDer));
    this.#issued.set(digest, { instance, expiresAt, lasting });
    return {
      tls: {
        clientKey: issued.keyPem,
        clientCertificate: issued.certPem,
        rootCertificate: this.ca.certificatePem,
      },
      hash: digest,
    };
  }

  /** No certificate issued for a launch of this instance is accepted any more. */
  revoke(instance: string): void {
    for (const [hash, entry] of this.#issued) {
      if (entry.instance === instance && !entry.lasting) this.#issued.delete(hash);
    }
  }

  /**
   * Checks the first message of a stream against the certificate it came with.
   *
   * @param certificate DER of the TLS client certificate
   * @throws DenimError `unauthenticated-chaincode` with Fabric's text; the stream must end then
   */
  authenticate(message: ChaincodeMessage, certificate: Uint8Array | undefined): void {
    if (message.type !== Type.REGISTER) throw refused("First message needs to be a register");
    let name: string;
    try {
      name = fromBinary(ChaincodeIDSchema, message.payload).name;
    } catch (error) {
      throw refused(wrapError("malformed registration", error).message);
    }
    if (certificate === undefined || certificate.length === 0) {
      throw refused(`TLS is active but chaincode ${name} didn't send certificate`);
    }
    const hash = sha256(certificate);
    const entry = this.#issued.get(hex(hash));
    const claim = `Chaincode ${name} with given certificate hash [${hash.join(" ")}]`;
    if (entry === undefined || entry.expiresAt <= this.clock.now()) {
      throw refused(`${claim} not found in registry`);
    }
    if (entry.instance !== name) throw refused(`${claim} belongs to a different chaincode`);
  }
}

function refused(message: string): DenimError {
  return new DenimError("unauthenticated-chaincode", message);
}
