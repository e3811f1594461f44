/** An Idemix MSP of a channel: known by name, its identities are refused with a clear reason. */
import type { MSPConfig } from "../gen/msp/msp_config_pb.ts";
import { mspError } from "./msp-error.ts";
import type { Identity, Msp } from "./types.ts";

export class IdemixMsp implements Msp {
  readonly tlsRootCertificates: readonly Uint8Array[] = [];
  readonly tlsIntermediateCertificates: readonly Uint8Array[] = [];

  constructor(readonly mspId: string, readonly config: MSPConfig) {}

  deserializeIdentity(): Identity {
    throw mspError(
      "idemix-not-supported",
      `MSP ${this.mspId} is an Idemix MSP; Idemix identities are not supported`,
      { mspId: this.mspId },
      "Use X.509 identities of a Fabric MSP.",
    );
  }
}
