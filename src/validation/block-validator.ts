/**
 * Validation of a block: one flag per transaction, before MVCC.
 * Mirrors core/committer/txvalidator/validator.go of Fabric 1.4.2, with two differences in how,
 * not in what: signatures of the whole block are verified in one batch on all cores, and the
 * transactions are then judged in order. What crashes or hangs 1.4.2 gets a flag here.
 */
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Bundle, ChannelConfigSource, ConfigTxValidator } from "../channel/types.ts";
import type { EcdsaProvider } from "../crypto/types.ts";
import { type Block, HeaderType } from "../gen/common/common_pb.ts";
import { ConfigEnvelopeSchema } from "../gen/common/configtx_pb.ts";
import { TxValidationCode } from "../gen/peer/transaction_pb.ts";
import type { PeerLedger } from "../ledger/types.ts";
import type { IdentityDeserializer } from "../msp/types.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";
import { ChaincodeRulebook } from "./chaincode-rules.ts";
import {
  EndorsementSet,
  type PolicyCompiler,
  PolicyEvaluator,
  SignatureBatch,
  type Signers,
  signersOf,
  tryDeserialize,
} from "./endorsements.ts";
import { KeyLevelValidator } from "./key-level.ts";
import { compilePolicyBytes } from "./policy-compiler.ts";
import { type ReadableTransaction, readTransaction, type Verdict } from "./transaction.ts";
import type { BlockValidator } from "./types.ts";
import {
  chaincodeInstance,
  type Invocation,
  markDuplicateTxIds,
  markUpgradeConflicts,
  upgradedChaincode,
} from "./upgrades.ts";
import { type BlockContext, validateEndorsed } from "./vscc.ts";

export interface BlockValidatorOptions {
  readonly channelId: string;
  readonly bundleSource: ChannelConfigSource;
  readonly ledger: Pick<PeerLedger, "hasTransaction" | "newQueryExecutor">;
  readonly ecdsa: Pick<EcdsaProvider, "verifyBatch">;
  /** Judges CONFIG transactions against the configuration in force. */
  readonly configTx: Pick<ConfigTxValidator, "validate">;
  /** Default: signature policies of this channel's MSPs. */
  readonly compilePolicy?: PolicyCompiler;
  /**
   * Identities of another channel that a transaction names in its header ("" = the local MSP);
   * undefined for channels this peer does not know.
   */
  readonly foreignIdentities?: (channelId: string) => IdentityDeserializer | undefined;
  readonly logger: Logger;
}

/** A transaction whose creator exists, with its signatures queued in the batch. */
interface Candidate {
  readonly transaction: ReadableTransaction;
  readonly creatorTicket: number | undefined;
  /** The creator as this channel's policies see it. */
  readonly creator: Signers;
  /** Endorsements of an endorser transaction that gets as far as its VSCC. */
  readonly endorsements: EndorsementSet | undefined;
}

type Reading = { readonly verdict: Verdict } | Candidate;

/** What does not depend on state: transactions taken apart, their signature checks under way. */
interface Opened {
  /** The configuration whose identities were looked up. */
  readonly bundle: Bundle;
  readonly readings: readonly Reading[];
  readonly batch: SignatureBatch;
  readonly checked: Promise<readonly boolean[]>;
}

/** The validator of one channel. It keeps nothing between blocks but what `prepare` was given. */
export function createBlockValidator(options: BlockValidatorOptions): BlockValidator {
  const prepared = new WeakMap<Block, Opened>();
  return {
    prepare(block) {
      try {
        prepared.set(block, open(options, block));
      } catch {
        // A defect: `validate` meets it again, and reports it.
      }
    },
    async validate(block) {
      const opened = prepared.get(block);
      prepared.delete(block);
      // A configuration that came in between may know other identities.
      const usable = opened?.bundle === options.bundleSource.bundle() ? opened : undefined;
      return await validateBlock(options, block, usable ?? open(options, block));
    },
  };
}

function open(options: BlockValidatorOptions, block: Block): Opened {
  const bundle = options.bundleSource.bundle();
  const batch = new SignatureBatch();
  const data = block.data?.data ?? [];
  const readings = data.map((bytes) => read(options, bundle, batch, bytes));
  const checked = options.ecdsa.verifyBatch(batch.checks);
  // Whoever validates the block awaits it; a block that nobody validates is nobody's failure.
  checked.catch(() => {});
  return { bundle, readings, batch, checked };
}

async function validateBlock(
  options: BlockValidatorOptions,
  block: Block,
  { bundle, readings, batch, checked }: Opened,
): Promise<Uint8Array> {
  batch.settle(await checked);
  const state = options.ledger.newQueryExecutor();
  try {
    const policies = new PolicyEvaluator(
      options.compilePolicy ?? compilePolicyBytes,
      bundle.mspManager,
    );
    const mspIds = bundle.applicationOrgs.map((org) => org.mspId);
    return judge(options, block, readings, batch, {
      capabilities: bundle.capabilities,
      state,
      rulebook: new ChaincodeRulebook(state, mspIds),
      policies,
      keyLevel: new KeyLevelValidator(state, policies),
    });
  } finally {
    state.done();
  }
}

const badCreator = (reason: string): { verdict: Verdict } => ({
  verdict: { code: TxValidationCode.BAD_CREATOR_SIGNATURE, reason },
});

/** Takes a transaction apart and queues its signatures. */
function read(
  options: BlockValidatorOptions,
  bundle: Bundle,
  batch: SignatureBatch,
  bytes: Uint8Array,
): Reading {
  const transaction = readTransaction(bytes);
  if ("verdict" in transaction) return transaction;
  const { envelope, signatureHeader, channelHeader, endorser } = transaction;
  const identities = channelHeader.channelId === options.channelId
    ? bundle.mspManager
    : options.foreignIdentities?.(channelHeader.channelId);
  if (!identities) {
    return badCreator(`channel doesn't exist: could not get msp for [${channelHeader.channelId}]`);
  }
  let creatorTicket: number | undefined;
  try {
    const creator = identities.deserializeIdentity(signatureHeader.creator);
    creator.validate();
    creatorTicket = batch.add(creator, envelope.payload, envelope.signature);
  } catch (error) {
    if (!(error instanceof DenimError)) throw error;
    return badCreator(`MSP error: ${error.message}`);
  }
  const endorsements = endorser && new EndorsementSet(
    endorser.action.proposalResponsePayload,
    endorser.action.endorsements,
    bundle.mspManager,
    batch,
  );
  const known = tryDeserialize(bundle.mspManager, signatureHeader.creator);
  return { transaction, creatorTicket, creator: signersOf(known ? [known] : []), endorsements };
}

/** Goes through the block in order. */
function judge(
  options: BlockValidatorOptions,
  block: Block,
  readings: readonly Reading[],
  batch: SignatureBatch,
  context: BlockContext,
): Uint8Array {
  const flags = new Uint8Array(readings.length).fill(TxValidationCode.NOT_VALIDATED);
  const txIds: string[] = readings.map(() => "");
  const invocations: (Invocation | undefined)[] = readings.map(() => undefined);
  readings.forEach((reading, index) => {
    const result = "verdict" in reading
      ? { verdict: reading.verdict }
      : judgeOne(options, reading, batch, context);
    flags[index] = result.verdict?.code ?? TxValidationCode.VALID;
    if (result.verdict) {
      options.logger.warn("Invalid transaction", {
        channel: options.channelId,
        block: block.header?.number,
        transaction: index,
        txId: "transaction" in reading ? reading.transaction.channelHeader.txId : "",
        code: TxValidationCode[result.verdict.code],
        reason: result.verdict.reason,
      });
      return;
    }
    txIds[index] = result.txId ?? "";
    invocations[index] = result.invocation;
  });
  if (context.capabilities.forbidDuplicateTxId) markDuplicateTxIds(flags, txIds);
  markUpgradeConflicts(flags, invocations);
  return flags;
}

interface Judgement {
  /** Undefined: valid so far. */
  readonly verdict: Verdict | undefined;
  readonly txId?: string;
  readonly invocation?: Invocation;
}

function judgeOne(
  options: BlockValidatorOptions,
  { transaction, creatorTicket, creator, endorsements }: Candidate,
  batch: SignatureBatch,
  context: BlockContext,
): Judgement {
  if (!batch.holds(creatorTicket)) {
    return badCreator("creator's signature over the transaction is not valid");
  }
  const { channelHeader, endorser, afterSignature } = transaction;
  if (afterSignature) return { verdict: afterSignature };
  if (channelHeader.type === HeaderType.CONFIG || !endorser || !endorsements) {
    return { verdict: judgeConfig(options, transaction) };
  }
  const { txId, channelId } = channelHeader;
  if (options.ledger.hasTransaction(txId)) {
    const reason = "Duplicate transaction found in the ledger";
    return { verdict: { code: TxValidationCode.DUPLICATE_TXID, reason } };
  }
  const { signers } = endorsements;
  const outcome = validateEndorsed({ channelHeader, endorser, signers, creator }, context);
  const { verdict, sets, goodNamespaces, chaincode } = outcome;
  const whole = verdict === undefined;
  context.keyLevel.recordPolicyChanges(sets, (name) => whole || goodNamespaces.has(name));
  if (verdict) return { verdict };
  const upgraded = chaincode === "lscc"
    ? upgradedChaincode(endorser.actionPayload.chaincodeProposalPayload)
    : undefined;
  return {
    verdict: undefined,
    txId,
    invocation: {
      invoked: chaincodeInstance(channelId, chaincode),
      upgraded: upgraded === undefined ? undefined : chaincodeInstance(channelId, upgraded),
    },
  };
}

function judgeConfig(
  { configTx, channelId, logger }: BlockValidatorOptions,
  { payload }: ReadableTransaction,
): Verdict | undefined {
  try {
    configTx.validate(decodeAsGo(ConfigEnvelopeSchema, payload.data));
    return undefined;
  } catch (error) {
    if (!(error instanceof DenimError)) throw error;
    // 1.4.2 stops its process here: peer and orderer disagree about the channel.
    logger.error("error validating config which passed initial validity checks", {
      channel: channelId,
      reason: messageOf(error),
    });
    return { code: TxValidationCode.INVALID_CONFIG_TRANSACTION, reason: messageOf(error) };
  }
}
