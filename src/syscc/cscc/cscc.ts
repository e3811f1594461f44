/**
 * The configuration system chaincode: joining channels and reading their configuration.
 * Mirrors core/scc/cscc/configure.go of Fabric 1.4.2.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { text, utf8 } from "../../base/bytes.ts";
import { parseJoinBlock } from "../../channel/join.ts";
import type { AclProvider, ConfigTxValidator } from "../../channel/types.ts";
import {
  type Block,
  BlockMetadataIndex,
  BlockMetadataSchema,
  BlockSchema,
  ChannelHeaderSchema,
  EnvelopeSchema,
  HeaderType,
  PayloadSchema,
} from "../../gen/common/common_pb.ts";
import type { Response } from "../../gen/peer/proposal_response_pb.ts";
import { ChannelInfoSchema, ChannelQueryResponseSchema } from "../../gen/peer/query_pb.ts";
import { ConfigTreeSchema } from "../../gen/peer/resources_pb.ts";
import { metadataSlots } from "../../protocol/block.ts";
import { decode } from "../../protocol/decode.ts";
import { answering, callerOf, checkAccess, refused, success } from "../response.ts";
import type { ChannelAccess, SystemChaincode, SystemChaincodeCall } from "../types.ts";

export interface CsccDependencies {
  readonly acl: AclProvider;
  readonly channels: Pick<ChannelAccess, "bundle"> & {
    /** Channels this peer has joined, in the order to list them. */
    ids(): readonly string[];
    /** The newest configuration block of a channel, as committed. */
    configBlock(channelId: string): Block | undefined;
    configTxValidator(channelId: string): ConfigTxValidator | undefined;
  };
  /**
   * Joins the channel of a checked configuration block, whose transaction filter is set.
   * @throws DenimError with Fabric's text (`cannot create ledger from genesis block: …`)
   */
  readonly joinChannel: (channelId: string, block: Block) => Promise<void> | void;
}

export class Cscc implements SystemChaincode {
  readonly name = "cscc";
  readonly invokableExternally = true;
  readonly invokableByChaincode = false;
  readonly #dependencies: CsccDependencies;

  constructor(dependencies: CsccDependencies) {
    this.#dependencies = dependencies;
  }

  invoke(call: SystemChaincodeCall): Promise<Response> {
    return answering(() => {
      const { args } = call;
      const name = args.length > 0 ? text(args[0]) : "";
      if (args.length < (name === "GetChannels" ? 1 : 2)) {
        throw refused("wrong-arguments", `Incorrect number of arguments, ${args.length}`);
      }
      switch (name) {
        case "JoinChain":
          return this.#join(call);
        case "GetConfigBlock":
          return this.#configBlock(this.#channel(call, name));
        case "GetConfigTree":
          return this.#configTree(this.#channel(call, name));
        case "SimulateConfigTreeUpdate":
          return this.#simulate(this.#channel(call, name), args[2]);
        case "GetChannels":
          return this.#channels(call);
      }
      throw refused("unknown-function", `Requested function ${name} not found.`);
    });
  }

  async #join(call: SystemChaincodeCall): Promise<Response> {
    const { channelId, block } = parseJoinBlock(call.args[1]);
    checkAccess(
      `access denied for [JoinChain][${channelId}]`,
      () => this.#dependencies.acl.check("cscc/JoinChain", "", callerOf(call)),
      true,
    );
    setFilter(block);
    await this.#dependencies.joinChannel(channelId, block);
    return success();
  }

  /** The channel in the second argument, after the access check. */
  #channel(call: SystemChaincodeCall, name: string): string {
    const channelId = text(call.args[1]);
    checkAccess(`access denied for [${name}][${channelId}]`, () => {
      this.#dependencies.acl.check(`cscc/${name}`, channelId, callerOf(call));
    });
    return channelId;
  }

  #configBlock(channelId: string): Response {
    const block = this.#dependencies.channels.configBlock(channelId);
    if (block === undefined) throw unknown(channelId);
    return success(toBinary(BlockSchema, block));
  }

  #configTree(channelId: string): Response {
    const bundle = this.#dependencies.channels.bundle(channelId);
    if (bundle === undefined) throw unknown(channelId);
    const tree = create(ConfigTreeSchema, { channelConfig: bundle.config });
    return success(toBinary(ConfigTreeSchema, tree));
  }

  #simulate(channelId: string, update: Uint8Array | undefined): Response {
    if (update === undefined) {
      throw refused("wrong-arguments", "Config delta bytes must not be nil");
    }
    const envelope = decode(EnvelopeSchema, update);
    const payload = decode(PayloadSchema, envelope.payload);
    const header = payload.header?.channelHeader ?? new Uint8Array();
    const { type } = decode(ChannelHeaderSchema, header);
    if (type !== HeaderType.CONFIG_UPDATE) {
      throw refused("bad-config-update", `invalid payload header type: ${type}`);
    }
    const validator = this.#dependencies.channels.configTxValidator(channelId);
    if (validator === undefined) throw unknown(channelId);
    validator.proposeConfigUpdate(envelope);
    return success(utf8("Simulation is successful"));
  }

  #channels(call: SystemChaincodeCall): Response {
    checkAccess("access denied for [GetChannels]", () => {
      this.#dependencies.acl.check("cscc/GetChannels", "", callerOf(call));
    });
    const channels = this.#dependencies.channels.ids().map((channelId) =>
      create(ChannelInfoSchema, { channelId })
    );
    const answer = create(ChannelQueryResponseSchema, { channels });
    return success(toBinary(ChannelQueryResponseSchema, answer));
  }
}

/** A genesis block comes from configtxgen without flags: all its transactions are valid. */
function setFilter(block: Block): void {
  block.metadata ??= create(BlockMetadataSchema);
  const slots = block.metadata.metadata;
  while (slots.length < metadataSlots) slots.push(new Uint8Array());
  if (slots[BlockMetadataIndex.TRANSACTIONS_FILTER].length === 0) {
    slots[BlockMetadataIndex.TRANSACTIONS_FILTER] = new Uint8Array(block.data?.data.length ?? 0);
  }
}

function unknown(channelId: string) {
  return refused("unknown-channel", `Unknown chain ID, ${channelId}`);
}
