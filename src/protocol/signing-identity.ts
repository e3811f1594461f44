/** Who signs messages. What such an identity is otherwise is known to msp/. */

/** The local identity that signs (a peer's, a client's, the orderer's). */
export interface SigningIdentity {
  readonly mspId: string;
  /** SerializedIdentity bytes. */
  readonly serialized: Uint8Array;
  /** ECDSA signature with low S over the parts one after the other (hashed with SHA-256 as the local MSP says). */
  sign(...message: Uint8Array[]): Uint8Array;
}
