/** Configuration transactions from files: checked, signed, sent. Mirrors peer/channel/create.go. */
import { create, toBinary } from "@bufbuild/protobuf";
import { concat } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { DenimError } from "../../base/errors.ts";
import {
  ChannelHeaderSchema,
  type Envelope,
  EnvelopeSchema,
  HeaderType,
  PayloadSchema,
  SignatureHeaderSchema,
} from "../../gen/common/common_pb.ts";
import { ConfigSignatureSchema, ConfigUpdateEnvelopeSchema } from "../../gen/common/configtx_pb.ts";
import type { SigningIdentity } from "../../msp/types.ts";
import { tryDecode } from "../../protocol/decode.ts";
import { createSignedEnvelope } from "../../protocol/envelope.ts";
import { newNonce } from "../../protocol/txid.ts";
import { readNamedFile } from "../chaincode/call.ts";
import { during } from "../chaincode/failures.ts";

function invalid(reason: string): DenimError {
  return new DenimError(
    "invalid-config-transaction",
    `Invalid channel create transaction : ${reason}`,
    { reason },
    "the file must hold a CONFIG_UPDATE envelope, as configtxgen or configtxlator writes it",
  );
}

/** Reads an envelope. @throws DenimError `unreadable-file`, `invalid-config-transaction` */
export async function readConfigTransaction(file: string): Promise<Envelope> {
  const bytes = await during(
    "channel create configuration tx file not found",
    readNamedFile(file, "configuration transaction file"),
  );
  const envelope = tryDecode(EnvelopeSchema, bytes);
  if (!envelope) throw invalid("bad payload");
  return envelope;
}

/**
 * Checks a configuration update, adds the signer's signature and wraps it again.
 * @param channelId "" takes the channel of the transaction
 * @throws DenimError `invalid-config-transaction`
 */
export function signConfigTransaction(
  envelope: Envelope,
  channelId: string,
  signer: SigningIdentity,
  clock: Clock,
): { envelope: Envelope; channelId: string } {
  const payload = tryDecode(PayloadSchema, envelope.payload);
  if (!payload) throw invalid("bad payload");
  if (!payload.header) throw invalid("bad header");
  const header = tryDecode(ChannelHeaderSchema, payload.header.channelHeader);
  if (!header) throw invalid("could not unmarshall channel header");
  if (header.type !== HeaderType.CONFIG_UPDATE) throw invalid("bad type");
  if (header.channelId === "") throw invalid("empty channel id");
  const channel = channelId || header.channelId;
  if (header.channelId !== channel) {
    throw invalid(`mismatched channel ID ${header.channelId} != ${channel}`);
  }
  const update = tryDecode(ConfigUpdateEnvelopeSchema, payload.data);
  if (!update) throw invalid("Bad config update env");
  const signatureHeader = toBinary(
    SignatureHeaderSchema,
    create(SignatureHeaderSchema, { creator: signer.serialized, nonce: newNonce() }),
  );
  update.signatures.push(create(ConfigSignatureSchema, {
    signatureHeader,
    signature: signer.sign(concat(signatureHeader, update.configUpdate)),
  }));
  return {
    channelId: channel,
    envelope: createSignedEnvelope({
      type: HeaderType.CONFIG_UPDATE,
      channelId: channel,
      data: toBinary(ConfigUpdateEnvelopeSchema, update),
      clock,
      signer,
      nonce: newNonce(),
    }),
  };
}
