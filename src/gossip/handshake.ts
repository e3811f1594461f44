/** Who is on the other side of a gossip connection, proved. Mirrors authenticateRemotePeer of gossip/comm. */
import { equal } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { sha256 } from "../crypto/hash.ts";
import { pkiIdOf } from "../discovery/pki-id.ts";
import { type Envelope, GossipMessageSchema } from "../gen/gossip/message_pb.ts";
import type { Identity } from "../msp/types.ts";
import type { SignedData } from "../policy/types.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";

/** A peer that has proved its identity. */
export interface RemotePeer {
  readonly pkiId: Uint8Array;
  /** SerializedIdentity bytes. */
  readonly identity: Uint8Array;
  /** Its introduction, for policies that ask who it is. */
  readonly signed: SignedData;
}

export interface HandshakeRules {
  /** A valid identity of any channel's MSPs or the local one. @throws DenimError */
  identityOf(serialized: Uint8Array): Identity;
  /**
   * DER of the TLS certificate that the other side shows, which its introduction must name.
   * Undefined without TLS, and for a side that was dialled: there the TLS roots of its
   * organisation vouch for the connection, and the caller knows whom to expect.
   */
  readonly certificate: Uint8Array | undefined;
}

/** Checks the first message of a connection. @throws DenimError `bad-gossip-handshake`, or what is wrong with the identity */
export function checkConnEstablish(
  { payload, signature }: Envelope,
  { identityOf, certificate }: HandshakeRules,
): RemotePeer {
  const { content } = decodeAsGo(GossipMessageSchema, payload);
  if (content.case !== "conn") throw refused("Wrong type");
  const { pkiId, identity: serialized, tlsCertHash } = content.value;
  if (pkiId.length === 0) throw refused("No PKI-ID");
  if (!equal(pkiId, pkiIdOf(serialized))) throw refused("the PKI-ID is not the identity's");
  if (certificate !== undefined && !equal(sha256(certificate), tlsCertHash)) {
    throw refused("the TLS certificate of the connection is another one than the message names");
  }
  if (!identityOf(serialized).verify(payload, signature)) {
    throw refused("the signature is not valid");
  }
  return {
    pkiId,
    identity: serialized,
    signed: { data: payload, signature, identity: serialized },
  };
}

function refused(message: string): DenimError {
  return new DenimError("bad-gossip-handshake", message);
}
