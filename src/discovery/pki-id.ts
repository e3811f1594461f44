/** The name of a peer in gossip. Mirrors GetPKIidOfCert of peer/gossip/mcs.go. */
import { concat, utf8 } from "../base/bytes.ts";
import { sha256 } from "../crypto/hash.ts";
import { decodeSerializedIdentity } from "../msp/serialized-identity.ts";

/**
 * SHA-256 over MSP id and certificate.
 * @param identity SerializedIdentity bytes
 * @throws DenimError `malformed-identity`
 */
export function pkiIdOf(identity: Uint8Array): Uint8Array {
  const { mspid, idBytes } = decodeSerializedIdentity(identity);
  return sha256(concat(utf8(mspid), idBytes));
}

/** Ties a StateInfo to a channel without naming it. Mirrors GenerateMAC of gossip/gossip/channel. */
export function channelMac(pkiId: Uint8Array, channelId: string): Uint8Array {
  return sha256(concat(pkiId, utf8(channelId)));
}
