/** The Discovery service: several questions in one signed request. Mirrors discovery/service.go. */
import { setImmediate } from "node:timers";
import { create } from "@bufbuild/protobuf";
import { emptyBytes } from "../base/bytes.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Config } from "../gen/common/configtx_pb.ts";
import {
  type ChaincodeInterest,
  ChaincodeInterestSchema,
  ChaincodeQueryResultSchema,
  type Discovery,
  type EndorsementDescriptor,
  ErrorSchema,
  type Query,
  type QueryResult,
  QueryResultSchema,
  type Request,
  ResponseSchema,
  type SignedRequest,
} from "../gen/discovery/protocol_pb.ts";
import type { SignedData } from "../policy/types.ts";
import { protoText } from "../protocol/proto-text.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import type { CallContext, ServiceHandlers } from "../rpc/types.ts";
import { AuthCache, type AuthCacheSettings, type Eligibility } from "./auth-cache.ts";
import { checkInterests, clientInterest } from "./client-interest.ts";
import { configResult } from "./config-result.ts";
import { openRequest } from "./open-request.ts";
import { endorsementDescriptor, membershipResult } from "./peer-results.ts";
import type { EndorsementPlanner, Membership, PeerMember } from "./types.ts";

/** Longest text of a request that is quoted in the log, characters. */
const maxShownLength = 200;

export interface DiscoveryServiceOptions {
  /** Clients must show a TLS certificate: every request has to name it. */
  readonly mutualTls: boolean;
  readonly authCache: AuthCacheSettings;
  readonly eligibility: Eligibility & {
    /** May a peer ask who else is there? Tried where `check` refuses. @throws DenimError */
    checkPeer(channelId: string, signed: SignedData): void;
  };
  readonly membership: Membership;
  readonly planner: EndorsementPlanner;
  /** Peers that an interest's filter leaves. @throws DenimError with Fabric's text */
  interestedPeers(channelId: string, filter: ChaincodeInterest | undefined): readonly PeerMember[];
  /** The configuration in force; undefined for a channel that this peer has not joined. */
  channelConfig(channelId: string): Config | undefined;
  readonly logger: Logger;
}

type Result = QueryResult["result"];

/** Handlers for `discovery.Discovery`. */
export function createDiscoveryService(
  options: DiscoveryServiceOptions,
): ServiceHandlers<typeof Discovery> {
  const service = new DiscoveryService(options);
  return { discover: (request, context) => service.discover(request, context) };
}

class DiscoveryService {
  readonly #auth: AuthCache;
  /** Refusals of `check` that `checkPeer` did not share are remembered apart from it. */
  readonly #peerAuth: AuthCache;

  constructor(private readonly options: DiscoveryServiceOptions) {
    const { eligibility, authCache } = options;
    this.#auth = new AuthCache(eligibility, authCache);
    this.#peerAuth = new AuthCache({
      check: (channelId, signed) => eligibility.checkPeer(channelId, signed),
      sequence: (channelId) => eligibility.sequence(channelId),
    }, authCache);
  }

  async discover(signed: SignedRequest, context: CallContext) {
    const from = context.remoteAddress;
    let request: Request;
    try {
      request = openRequest(signed, context.clientCertificate, this.options.mutualTls);
    } catch (error) {
      const reason = messageOf(error);
      this.options.logger.warn(`Request from ${from} is malformed or invalid: ${reason}`);
      throw error;
    }
    const { payload, signature } = signed;
    const identity = request.authentication?.clientIdentity ?? emptyBytes;
    const results: QueryResult[] = [];
    let denied = false;
    for (const query of request.queries) {
      await giveWay(context.signal);
      const signed = { data: payload, signature, identity };
      // One line is enough for a request, however often it is refused.
      const refused = this.#refusal(query, signed, from, denied ? "debug" : "warn");
      denied ||= refused !== undefined;
      const result = refused ?? await this.#answer(query, context.signal);
      results.push(create(QueryResultSchema, { result }));
    }
    return create(ResponseSchema, { results });
  }

  /** Why this client gets no answer to this query, if it does not. */
  #refusal(
    { channel, query }: Query,
    signed: SignedData,
    from: string,
    level: "debug" | "warn",
  ): Result | undefined {
    const { logger } = this.options;
    const asked = `got query for channel ${shown(channel)} from ${from}`;
    if (channel !== "" && this.options.channelConfig(channel) === undefined) {
      logger[level](`${asked} but it doesn't exist`);
      return deniedResult;
    }
    try {
      this.#checkEligible(channel, signed, channel !== "" && query.case === "peerQuery");
      return undefined;
    } catch (error) {
      logger[level](`${asked} but it isn't eligible: ${messageOf(error)}`);
      return deniedResult;
    }
  }

  #checkEligible(channel: string, signed: SignedData, asksForPeers: boolean): void {
    try {
      this.#auth.check(channel, signed);
    } catch (error) {
      if (!asksForPeers) throw error;
      try {
        this.#peerAuth.check(channel, signed);
      } catch {
        throw error;
      }
    }
  }

  async #answer({ channel, query }: Query, signal: AbortSignal): Promise<Result> {
    try {
      return channel === ""
        ? this.#answerLocally(query)
        : await this.#answerOf(channel, query, signal);
    } catch (error) {
      if (error instanceof RpcError) throw error;
      if (error instanceof DenimError) return errorResult(error.message);
      this.options.logger.error(`query for channel ${channel} failed: ${messageOf(error)}`, {
        stack: error instanceof Error ? error.stack : undefined,
      });
      return errorResult("internal error");
    }
  }

  #answerLocally(query: Query["query"]): Result {
    if (query.case !== "localPeers") return errorResult("unknown or missing request type");
    return { case: "members", value: membershipResult(this.options.membership.localPeers()) };
  }

  async #answerOf(channel: string, query: Query["query"], signal: AbortSignal): Promise<Result> {
    const { membership, interestedPeers } = this.options;
    switch (query.case) {
      case "configQuery":
        return { case: "configResult", value: this.#config(channel) };
      case "peerQuery": {
        const { filter } = query.value;
        const peers = interestedPeers(channel, filter && clientInterest(filter.chaincodes));
        return { case: "members", value: membershipResult(membership.localPeers(), peers) };
      }
      case "ccQuery": {
        checkInterests(query.value);
        const content: EndorsementDescriptor[] = [];
        for (const { chaincodes } of query.value.interests) {
          await giveWay(signal);
          content.push(this.#descriptor(channel, clientInterest(chaincodes)));
        }
        return { case: "ccQueryRes", value: create(ChaincodeQueryResultSchema, { content }) };
      }
      default:
        return errorResult("unknown or missing request type");
    }
  }

  #config(channelId: string) {
    const config = this.options.channelConfig(channelId);
    try {
      if (config === undefined) throw new DenimError("unknown-channel", "channel is not joined");
      return configResult(config);
    } catch (error) {
      this.options.logger.error(
        `Failed fetching config for channel ${channelId}: ${messageOf(error)}`,
      );
      throw new DenimError("no-config", `failed fetching config for channel ${channelId}`);
    }
  }

  #descriptor(channelId: string, interest: ChaincodeInterest) {
    try {
      return endorsementDescriptor(this.options.planner.plan(channelId, interest));
    } catch (error) {
      if (!(error instanceof DenimError)) throw error;
      const text = protoText(ChaincodeInterestSchema, interest);
      this.options.logger.warn(
        `Failed constructing descriptor for chaincode ${shown(text)},: ${shown(error.message)}`,
        error.code === "no-endorsers" ? error.facts : {},
      );
      throw new DenimError("no-endorsers", `failed constructing descriptor for ${text}`);
    }
  }
}

/**
 * One request must not keep all others waiting, nor go on for a client that has gone.
 * @throws RpcError CANCELLED
 */
async function giveWay(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  if (signal.aborted) throw new RpcError(GrpcStatus.CANCELLED, "context canceled");
}

/** Text from outside, in one short line. */
function shown(text: string): string {
  const short = text.length > maxShownLength ? `${text.slice(0, maxShownLength)}…` : text;
  // deno-lint-ignore no-control-regex
  return short.replace(/[\x00-\x1f\x7f]/g, "?");
}

function errorResult(content: string): Result {
  return { case: "error", value: create(ErrorSchema, { content }) };
}

const deniedResult = errorResult("access denied");
