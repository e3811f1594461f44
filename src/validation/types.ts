/** Is a transaction valid? Mirrors core/committer/txvalidator. */
import type { Block } from "../gen/common/common_pb.ts";

export interface BlockValidator {
  /**
   * One TxValidationCode per transaction; VALID ones may still fail MVCC at commit.
   * Never throws for what a block contains.
   * @throws DenimError only when validation itself could not be done (state unreadable); the block must then not be committed
   */
  validate(block: Block): Promise<Uint8Array>;
  /**
   * A hint that this block is validated soon: its signature checks may begin, whatever happens to the
   * blocks before it. Never throws.
   */
  prepare(block: Block): void;
}
