/** The first message on a gossip connection: who speaks. Mirrors createConnectionMsg of gossip/comm. */
import { create, toBinary } from "@bufbuild/protobuf";
import { emptyBytes } from "../base/bytes.ts";
import { pkiIdOf } from "../discovery/pki-id.ts";
import {
  type Envelope,
  EnvelopeSchema,
  GossipMessage_Tag,
  GossipMessageSchema,
} from "../gen/gossip/message_pb.ts";
import type { SigningIdentity } from "../msp/types.ts";

/** Who this peer is to others. */
export interface ConnectionIdentity {
  readonly signer: SigningIdentity;
  /** SHA-256 of the TLS certificate (DER) that this side shows on the connection; undefined without TLS. */
  readonly tlsCertificateHash: Uint8Array | undefined;
}

/** A signed ConnEstablish message. */
export function connEstablish({ signer, tlsCertificateHash }: ConnectionIdentity): Envelope {
  const message = create(GossipMessageSchema, {
    tag: GossipMessage_Tag.EMPTY,
    content: {
      case: "conn",
      value: {
        pkiId: pkiIdOf(signer.serialized),
        identity: signer.serialized,
        tlsCertHash: tlsCertificateHash ?? emptyBytes,
      },
    },
  });
  const payload = toBinary(GossipMessageSchema, message);
  return create(EnvelopeSchema, { payload, signature: signer.sign(payload) });
}
