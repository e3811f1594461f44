/** The first block of a channel. Mirrors common/genesis and orderer/common/multichannel. */
import { create, toBinary } from "@bufbuild/protobuf";
import { emptyBytes } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import {
  type Block,
  BlockMetadataIndex,
  ChannelHeaderSchema,
  EnvelopeSchema,
  HeaderSchema,
  HeaderType,
  LastConfigSchema,
  MetadataSchema,
  PayloadSchema,
  SignatureHeaderSchema,
} from "../../gen/common/common_pb.ts";
import { type ConfigEnvelope, ConfigEnvelopeSchema } from "../../gen/common/configtx_pb.ts";
import type { SigningIdentity } from "../../msp/types.ts";
import { encodeMetadata, newBlock, setMetadataSlot } from "../../protocol/block.ts";
import { createSignedEnvelope } from "../../protocol/envelope.ts";
import { timestampFromMs } from "../../protocol/timestamp.ts";
import { computeTxId, newNonce } from "../../protocol/txid.ts";
import { channelGroup } from "./channel-group.ts";
import type { Profile } from "./profile.ts";

/** Version in the header of a genesis transaction. */
const genesisVersion = 1;

/** Where time and chance come from. */
export interface GenesisInput {
  readonly clock: Clock;
  /** Default: fresh. */
  readonly nonce?: Uint8Array;
}

/**
 * Block 0 from a profile, unsigned: of a system channel, or of a channel that needs none.
 * @throws DenimError `invalid-profile`
 */
export function genesisBlock(channelId: string, profile: Profile, input: GenesisInput): Block {
  const nonce = input.nonce ?? newNonce();
  const timestamp = timestampFromMs(Math.floor(input.clock.now() / 1000) * 1000);
  const header = create(HeaderSchema, {
    channelHeader: toBinary(
      ChannelHeaderSchema,
      create(ChannelHeaderSchema, {
        type: HeaderType.CONFIG,
        version: genesisVersion,
        timestamp,
        channelId,
        txId: computeTxId(nonce, emptyBytes),
      }),
    ),
    signatureHeader: toBinary(SignatureHeaderSchema, create(SignatureHeaderSchema, { nonce })),
  });
  const data = toBinary(
    ConfigEnvelopeSchema,
    create(ConfigEnvelopeSchema, { config: { channelGroup: channelGroup(profile) } }),
  );
  const payload = toBinary(PayloadSchema, create(PayloadSchema, { header, data }));
  return firstBlock(toBinary(EnvelopeSchema, create(EnvelopeSchema, { payload })));
}

/** Block 0 of a channel that an orderer has created from a channel creation. */
export function createdChannelBlock(
  channelId: string,
  configEnvelope: ConfigEnvelope,
  orderer: SigningIdentity,
  input: GenesisInput,
): Block {
  const envelope = createSignedEnvelope({
    type: HeaderType.CONFIG,
    channelId,
    data: toBinary(ConfigEnvelopeSchema, configEnvelope),
    clock: input.clock,
    signer: orderer,
    nonce: input.nonce ?? newNonce(),
  });
  return firstBlock(toBinary(EnvelopeSchema, envelope));
}

function firstBlock(envelope: Uint8Array): Block {
  const block = newBlock(0n, emptyBytes, [envelope]);
  // Index 0 is proto3's default, so the slot is empty bytes, as configtxgen leaves it.
  const value = toBinary(LastConfigSchema, create(LastConfigSchema, { index: 0n }));
  setMetadataSlot(
    block,
    BlockMetadataIndex.LAST_CONFIG,
    encodeMetadata(create(MetadataSchema, { value })),
  );
  return block;
}
