/** What became of a recorded block and its transactions in another ledger. */

export interface ReplayedTransaction {
  readonly tx: number;
  readonly txid: string;
  readonly code: number;
  readonly name: string;
}

export interface ReplayedBlock {
  readonly block: number;
  /** Hexadecimal, as the others; "" where the chain has none. */
  readonly commitHash: string;
  /** Of the transactions as they are here, which the header may deny. */
  readonly dataHash: string;
  readonly previousHash: string;
  readonly txs: readonly ReplayedTransaction[];
}
