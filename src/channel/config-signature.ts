/** Signs configuration updates. Mirrors peer/channel/signconfigtx.go and configtxgen's encoder. */
import { create, toBinary } from "@bufbuild/protobuf";
import { concat } from "../base/bytes.ts";
import { SignatureHeaderSchema } from "../gen/common/common_pb.ts";
import {
  type ConfigUpdateEnvelope,
  ConfigUpdateEnvelopeSchema,
} from "../gen/common/configtx_pb.ts";
import type { SigningIdentity } from "../msp/types.ts";
import { newNonce } from "../protocol/txid.ts";

/** The update with one more signature; the update's own bytes stay as they are. */
export function signConfigUpdate(
  update: ConfigUpdateEnvelope,
  signer: SigningIdentity,
  nonce: Uint8Array = newNonce(),
): ConfigUpdateEnvelope {
  const signatureHeader = toBinary(
    SignatureHeaderSchema,
    create(SignatureHeaderSchema, { creator: signer.serialized, nonce }),
  );
  return create(ConfigUpdateEnvelopeSchema, {
    configUpdate: update.configUpdate,
    signatures: [
      ...update.signatures,
      { signatureHeader, signature: signer.sign(concat(signatureHeader, update.configUpdate)) },
    ],
  });
}
