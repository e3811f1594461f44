/** For tests: the recorded channel with its real MSPs, policies and ledger, as a peer runs it. */
import { create } from "@bufbuild/protobuf";
import { emptyBytes } from "../../src/base/bytes.ts";
import { type Logger, silentLogger } from "../../src/base/logger.ts";
import { bundleFromBlock, type ChannelBundle, createBundle } from "../../src/channel/bundle.ts";
import { envelopeAt, openConfigEnvelope } from "../../src/channel/config-block.ts";
import { validateNewBundle } from "../../src/channel/validate-new-bundle.ts";
import { createEcdsaProvider } from "../../src/crypto/provider.ts";
import { type Block, BlockMetadataIndex, BlockSchema } from "../../src/gen/common/common_pb.ts";
import { createLedgerProvider } from "../../src/ledger/ledger-provider.ts";
import type { PeerLedger } from "../../src/ledger/types.ts";
import { createBlockValidator } from "../../src/validation/block-validator.ts";
import type { BlockValidator } from "../../src/validation/types.ts";
import { createCommitter } from "../../src/commit/committer.ts";
import type { CollectionEligibility } from "../../src/commit/private-data.ts";
import type { Committer } from "../../src/commit/types.ts";

/** Within the validity of the recorded certificates. */
export const recordedTime = Date.UTC(2027, 0, 1);

export interface RecordedChannel extends Disposable {
  readonly ledger: PeerLedger;
  readonly validator: BlockValidator;
  readonly committer: Committer;
  bundle(): ChannelBundle;
}

/** As an orderer delivers it: without what a peer adds to the metadata. */
export function delivered(block: Block): Block {
  const { TRANSACTIONS_FILTER, COMMIT_HASH } = BlockMetadataIndex;
  const slots = (block.metadata?.metadata ?? []).map((slot, index) =>
    index === TRANSACTIONS_FILTER || index === COMMIT_HASH ? emptyBytes : slot
  );
  return create(BlockSchema, {
    header: block.header,
    data: block.data,
    metadata: { metadata: slots },
  });
}

/** A channel that has block 0 only. */
export function openRecordedChannel(
  directory: string,
  genesis: Block,
  eligibility: CollectionEligibility = () => true,
  logger: Logger = silentLogger,
): RecordedChannel {
  const ecdsa = createEcdsaProvider();
  const clock = { now: () => recordedTime };
  const deps = { provider: ecdsa, clock };
  let bundle = bundleFromBlock(genesis, deps);
  const provider = createLedgerProvider({ directory });
  const { channelId } = bundle;
  const ledger = provider.create(channelId, delivered(genesis));
  const bundleSource = { bundle: () => bundle };
  const validator = createBlockValidator({
    channelId,
    bundleSource,
    ledger,
    ecdsa,
    configTx: { validate: (envelope) => bundle.configTxValidator.validate(envelope) },
    logger,
  });
  const committer = createCommitter({
    channelId,
    validator,
    ledger,
    bundleSource,
    prepareConfig: (block, index) => {
      const { configEnvelope } = openConfigEnvelope(envelopeAt(block, index));
      const next = createBundle(channelId, configEnvelope.config, deps);
      validateNewBundle(bundle, next);
      return () => bundle = next;
    },
    newEligibility: () => eligibility,
    clock,
    logger,
  });
  return {
    ledger,
    validator,
    committer,
    bundle: () => bundle,
    [Symbol.dispose]: () => {
      provider.close();
      ecdsa.close?.();
    },
  };
}
