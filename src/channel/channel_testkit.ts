/** The recorded channel, for this room's tests. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { createPortableProvider } from "../crypto/portable.ts";
import {
  type Block,
  BlockSchema,
  ChannelHeaderSchema,
  type Envelope,
  EnvelopeSchema,
  HeaderSchema,
  HeaderType,
  PayloadSchema,
} from "../gen/common/common_pb.ts";
import {
  type ConfigUpdate,
  ConfigUpdateEnvelopeSchema,
  ConfigUpdateSchema,
} from "../gen/common/configtx_pb.ts";
import { loadSigningIdentity, type LocalSigningIdentity } from "../msp/signing-identity.ts";
import { bundleFromBlock, type ChannelBundle } from "./bundle.ts";
import { signConfigUpdate } from "./config-signature.ts";

export const goldenFolder = fileURLToPath(
  new URL("../../tests/testdata/golden/", import.meta.url),
);

/** node:crypto, so that tests hold no native library open. */
export const provider = createPortableProvider();

export function goldenFile(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(goldenFolder + name));
}

export function artifactBlock(name: string): Block {
  return fromBinary(BlockSchema, goldenFile(`artifacts/${name}`));
}

export function goldenBlock(number: number): Block {
  return fromBinary(
    BlockSchema,
    goldenFile(`blocks/${String(number).padStart(4, "0")}.block`),
  );
}

export function bundleOf(block: Block): ChannelBundle {
  return bundleFromBlock(block, { provider });
}

const folders = {
  Org1MSP: "peerOrganizations/org1.example.com/users/",
  Org2MSP: "peerOrganizations/org2.example.com/users/",
  OrdererMSP: "ordererOrganizations/example.com/users/",
} as const;

/** A recorded user: `signerOf("Org1MSP", "Admin@org1.example.com")`. */
export function signerOf(mspId: keyof typeof folders, user: string): LocalSigningIdentity {
  const directory = `${goldenFolder}crypto-config/${folders[mspId]}${user}/msp`;
  return loadSigningIdentity(directory, mspId, provider);
}

/** A CONFIG_UPDATE envelope signed by these. */
export function signedUpdate(
  channelId: string,
  update: ConfigUpdate,
  signers: readonly LocalSigningIdentity[],
): Envelope {
  let signed = create(ConfigUpdateEnvelopeSchema, {
    configUpdate: toBinary(ConfigUpdateSchema, update),
  });
  for (const signer of signers) signed = signConfigUpdate(signed, signer);
  const header = create(HeaderSchema, {
    channelHeader: toBinary(
      ChannelHeaderSchema,
      create(ChannelHeaderSchema, { type: HeaderType.CONFIG_UPDATE, channelId }),
    ),
  });
  const data = toBinary(ConfigUpdateEnvelopeSchema, signed);
  return create(EnvelopeSchema, {
    payload: toBinary(PayloadSchema, create(PayloadSchema, { header, data })),
  });
}
