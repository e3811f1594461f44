/**
 * Is this a proposal at all, and from whom it says? Mirrors ValidateProposalMessage in
 * core/common/validation/msgvalidation.go of Fabric 1.4.2: order of checks and texts.
 */
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import {
  type ChannelHeader,
  ChannelHeaderSchema,
  type Header,
  HeaderSchema,
  HeaderType,
  type SignatureHeader,
  SignatureHeaderSchema,
} from "../gen/common/common_pb.ts";
import { SerializedIdentitySchema } from "../gen/msp/identities_pb.ts";
import type { ChaincodeID } from "../gen/peer/chaincode_pb.ts";
import {
  type ChaincodeHeaderExtension,
  ChaincodeHeaderExtensionSchema,
  type Proposal,
  ProposalSchema,
  type SignedProposal,
} from "../gen/peer/proposal_pb.ts";
import type { Identity, IdentityDeserializer } from "../msp/types.ts";
import { decode, tryDecode } from "../protocol/decode.ts";
import { checkTxId } from "../protocol/txid.ts";
import type { IdentityExpiry } from "./identity-expiry.ts";

/** A proposal whose form, signature and transaction id are right. */
export interface CheckedProposal {
  readonly signed: SignedProposal;
  readonly proposal: Proposal;
  readonly header: Header;
  readonly channelHeader: ChannelHeader;
  readonly signatureHeader: SignatureHeader;
  readonly extension: ChaincodeHeaderExtension;
  readonly chaincodeId: ChaincodeID;
  /** The creator, as the channel's configuration knows him; the signature is his. */
  readonly creator: Identity;
}

export interface ProposalCheckDependencies {
  /** The MSPs of a channel, the peer's own for ""; undefined for channels it has not joined. */
  readonly identities: (channelId: string) => IdentityDeserializer | undefined;
  readonly expiry: IdentityExpiry;
  readonly logger: Logger;
}

const headerTypes: ReadonlySet<number> = new Set([
  HeaderType.ENDORSER_TRANSACTION,
  HeaderType.CONFIG_UPDATE,
  HeaderType.CONFIG,
  HeaderType.TOKEN_TRANSACTION,
]);

/** @throws DenimError with Fabric's text */
export function checkProposal(
  signed: SignedProposal,
  dependencies: ProposalCheckDependencies,
): CheckedProposal {
  const { proposal, header, signatureHeader } = parse(signed);
  dependencies.expiry.check(signatureHeader.creator);
  const channelHeader = decode(ChannelHeaderSchema, header.channelHeader);
  checkHeaders(channelHeader, signatureHeader);
  const creator = signerOf(signed, channelHeader.channelId, signatureHeader.creator, dependencies);
  checkTxId(channelHeader.txId, signatureHeader.nonce, signatureHeader.creator);
  const extension = extensionOf(channelHeader);
  if (extension.chaincodeId === undefined) {
    throw refused("ChaincodeHeaderExtension.ChaincodeId is nil");
  }
  if (extension.payloadVisibility.length > 0) throw refused("invalid payload visibility field");
  const { chaincodeId } = extension;
  return {
    signed,
    proposal,
    header,
    channelHeader,
    signatureHeader,
    extension,
    chaincodeId,
    creator,
  };
}

/** The authentication filter opens these three first and says what it failed at. */
function parse(signed: SignedProposal) {
  const proposal = labelled(
    "failed parsing proposal",
    () => decode(ProposalSchema, signed.proposalBytes),
  );
  const header = labelled("failed parsing header", () => decode(HeaderSchema, proposal.header));
  const signatureHeader = labelled(
    "failed parsing signature header",
    () => decode(SignatureHeaderSchema, header.signatureHeader),
  );
  return { proposal, header, signatureHeader };
}

function labelled<T>(label: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new DenimError("malformed-proposal", `${label}: ${messageOf(error)}`, {}, undefined, {
      cause: error,
    });
  }
}

function checkHeaders(channelHeader: ChannelHeader, signatureHeader: SignatureHeader): void {
  const { type, epoch } = channelHeader;
  if (!headerTypes.has(type)) throw refused(`invalid header type ${HeaderType[type] ?? type}`);
  if (epoch !== 0n) {
    throw refused(`invalid Epoch in ChannelHeader. Expected 0, got [${epoch}]`);
  }
  if (signatureHeader.nonce.length === 0) throw refused("invalid nonce specified in the header");
  if (signatureHeader.creator.length === 0) {
    throw refused("invalid creator specified in the header");
  }
}

/** The reason stays in the log: callers must not learn which channels and members there are. */
function signerOf(
  signed: SignedProposal,
  channelId: string,
  creator: Uint8Array,
  dependencies: ProposalCheckDependencies,
): Identity {
  const { signer, reason } = verified(signed, creator, dependencies.identities(channelId));
  if (signer !== undefined) return signer;
  const organisation = tryDecode(SerializedIdentitySchema, creator)?.mspid ?? "";
  dependencies.logger.warn("proposal refused", { channelId, organisation, reason });
  throw new DenimError(
    "access-denied",
    `access denied: channel [${channelId}] creator org [${organisation}]`,
    { channelId, organisation, reason },
  );
}

function verified(
  signed: SignedProposal,
  creator: Uint8Array,
  identities: IdentityDeserializer | undefined,
): { readonly signer?: Identity; readonly reason?: string } {
  if (identities === undefined) return { reason: "the peer has not joined this channel" };
  if (signed.signature.length === 0) return { reason: "there is no signature" };
  try {
    const signer = identities.deserializeIdentity(creator);
    signer.validate();
    if (signer.verify(signed.proposalBytes, signed.signature)) return { signer };
    return { reason: "creator's signature over the proposal is not valid" };
  } catch (error) {
    return { reason: messageOf(error) };
  }
}

/** Proposals address a chaincode whether their type is CONFIG (JoinChain) or ENDORSER_TRANSACTION. */
function extensionOf({ type, extension }: ChannelHeader): ChaincodeHeaderExtension {
  if (type !== HeaderType.CONFIG && type !== HeaderType.ENDORSER_TRANSACTION) {
    throw refused(`unsupported proposal type ${type}`);
  }
  const decoded = tryDecode(ChaincodeHeaderExtensionSchema, extension);
  if (decoded === undefined) throw refused("invalid header extension for type CHAINCODE");
  return decoded;
}

function refused(message: string): DenimError {
  return new DenimError("invalid-proposal", message);
}
