/**
 * The query system chaincode: blocks and transactions of the channels this peer has joined.
 * Mirrors core/scc/qscc/query.go of Fabric 1.4.2.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { text } from "../../base/bytes.ts";
import { DenimError, messageOf } from "../../base/errors.ts";
import type { AclProvider } from "../../channel/types.ts";
import { BlockSchema, EnvelopeSchema } from "../../gen/common/common_pb.ts";
import { BlockchainInfoSchema } from "../../gen/common/ledger_pb.ts";
import type { Response } from "../../gen/peer/proposal_response_pb.ts";
import { ProcessedTransactionSchema } from "../../gen/peer/transaction_pb.ts";
import type { PeerLedger } from "../../ledger/types.ts";
import { decode } from "../../protocol/decode.ts";
import { answering, callerOf, checkAccess, refused, success } from "../response.ts";
import type { ChannelAccess, SystemChaincode, SystemChaincodeCall } from "../types.ts";

export interface QsccDependencies {
  readonly channels: Pick<ChannelAccess, "ledger">;
  readonly acl: AclProvider;
}

type Query = (ledger: PeerLedger, argument: Uint8Array) => Uint8Array;

/** Asking for this number gives the newest block. */
const newestBlock = 0xffff_ffff_ffff_ffffn;

const queries: ReadonlyMap<string, Query> = new Map<string, Query>([
  ["GetChainInfo", chainInfo],
  ["GetBlockByNumber", blockByNumber],
  ["GetBlockByHash", blockByHash],
  ["GetTransactionByID", transactionById],
  ["GetBlockByTxID", blockByTxId],
]);

export class Qscc implements SystemChaincode {
  readonly name = "qscc";
  readonly invokableExternally = true;
  readonly invokableByChaincode = true;
  readonly #dependencies: QsccDependencies;

  constructor(dependencies: QsccDependencies) {
    this.#dependencies = dependencies;
  }

  invoke(call: SystemChaincodeCall): Promise<Response> {
    return answering(() => {
      const { args } = call;
      if (args.length < 2) {
        throw refused("wrong-arguments", `Incorrect number of arguments, ${args.length}`);
      }
      const name = text(args[0]);
      const channelId = text(args[1]);
      if (name !== "GetChainInfo" && args.length < 3) {
        throw refused("wrong-arguments", `missing 3rd argument for ${name}`);
      }
      const ledger = this.#dependencies.channels.ledger(channelId);
      if (ledger === undefined) {
        throw refused("unknown-channel", `Invalid chain ID, ${channelId}`);
      }
      checkAccess(
        `access denied for [${name}][${channelId}]`,
        () => this.#dependencies.acl.check(`qscc/${name}`, channelId, callerOf(call)),
        true,
      );
      const query = queries.get(name);
      if (query === undefined) {
        throw refused("unknown-function", `Requested function ${name} not found.`);
      }
      return success(query(ledger, args[2]));
    });
  }
}

function chainInfo(ledger: PeerLedger): Uint8Array {
  const info = lookUp("Failed to get block info with error ", () => ledger.info());
  return toBinary(
    BlockchainInfoSchema,
    create(BlockchainInfoSchema, {
      height: BigInt(info.height),
      currentBlockHash: info.currentBlockHash,
      previousBlockHash: info.previousBlockHash,
    }),
  );
}

function blockByNumber(ledger: PeerLedger, argument: Uint8Array): Uint8Array {
  const wanted = parseUint64(text(argument));
  const block = lookUp(`Failed to get block number ${wanted}, error `, () => {
    if (wanted === newestBlock) return ledger.blockByNumber(ledger.info().height - 1);
    if (wanted > BigInt(Number.MAX_SAFE_INTEGER)) throw refused("not-found", "");
    return ledger.blockByNumber(Number(wanted));
  });
  return toBinary(BlockSchema, block);
}

function blockByHash(ledger: PeerLedger, hash: Uint8Array): Uint8Array {
  const failed = `Failed to get block hash ${text(hash)}, error `;
  return toBinary(BlockSchema, lookUp(failed, () => ledger.blockByHash(hash)));
}

function blockByTxId(ledger: PeerLedger, argument: Uint8Array): Uint8Array {
  const txId = text(argument);
  const failed = `Failed to get block for txID ${txId}, error `;
  return toBinary(BlockSchema, lookUp(failed, () => ledger.blockByTxId(txId)));
}

function transactionById(ledger: PeerLedger, argument: Uint8Array): Uint8Array {
  const txId = text(argument);
  const failed = `Failed to get transaction with id ${txId}, error `;
  const found = lookUp(failed, () => ledger.transactionById(txId));
  return toBinary(
    ProcessedTransactionSchema,
    create(ProcessedTransactionSchema, {
      transactionEnvelope: decode(EnvelopeSchema, found.envelope),
      validationCode: found.validationCode,
    }),
  );
}

/** What the ledger does not have is told in the words of Fabric's block index. */
function lookUp<T>(failed: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const absent = error instanceof DenimError && error.code === "not-found";
    const reason = absent ? "Entry not found in index" : messageOf(error);
    throw new DenimError(absent ? "not-found" : "query-failed", failed + reason, {}, undefined, {
      cause: error,
    });
  }
}

/** Go's strconv.ParseUint(text, 10, 64). */
function parseUint64(digits: string): bigint {
  const failed = (reason: string) =>
    refused(
      "bad-block-number",
      `Failed to parse block number with error strconv.ParseUint: parsing ${
        JSON.stringify(digits)
      }: ${reason}`,
    );
  if (!/^[0-9]+$/.test(digits)) throw failed("invalid syntax");
  if (digits.length > 20) throw failed("value out of range");
  const value = BigInt(digits);
  if (value > newestBlock) throw failed("value out of range");
  return value;
}
