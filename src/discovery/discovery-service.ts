/** The Discovery service: several questions in one signed request. Mirrors discovery/service.go. */
import { setImmediate } from "node:timers";
import { create } from "@bufbuild/protobuf";
import { emptyBytes, equal, hex, utf8 } from "../base/bytes.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { sha256 } from "../crypto/hash.ts";
import { encodePem } from "../crypto/pem.ts";
import type { Config } from "../gen/common/configtx_pb.ts";
import {
  type ChaincodeCall,
  type ChaincodeInterest,
  ChaincodeInterestSchema,
  type ChaincodeQuery,
  ChaincodeQueryResultSchema,
  type Discovery,
  type EndorsementDescriptor,
  ErrorSchema,
  type Query,
  type QueryResult,
  QueryResultSchema,
  type Request,
  RequestSchema,
  ResponseSchema,
  type SignedRequest,
} from "../gen/discovery/protocol_pb.ts";
import type { SignedData } from "../policy/types.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";
import { protoText } from "../protocol/proto-text.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";
import type { CallContext, ServiceHandlers } from "../rpc/types.ts";
import { AuthCache, type AuthCacheSettings, type Eligibility } from "./auth-cache.ts";
import { configResult } from "./config-result.ts";
import { endorsementDescriptor, membershipResult } from "./peer-results.ts";
import type { EndorsementPlanner, Membership, PeerMember } from "./types.ts";

/** Questions of one request: queries, and interests of chaincode queries. Fabric has no limit. */
export const maxQuestions = 1_000;

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
      request = this.#opened(signed, context.clientCertificate);
    } catch (error) {
      const reason = messageOf(error);
      this.options.logger.warn(`Request from ${from} is malformed or invalid: ${reason}`);
      throw error;
    }
    const { payload, signature } = signed;
    const identity = request.authentication?.clientIdentity ?? emptyBytes;
    const results: QueryResult[] = [];
    for (const query of request.queries) {
      await giveWay(context.signal);
      const refused = this.#refusal(query, { data: payload, signature, identity }, from);
      const result = refused ?? await this.#answer(query, context.signal);
      results.push(create(QueryResultSchema, { result }));
    }
    return create(ResponseSchema, { results });
  }

  /** @throws DenimError with Fabric's text */
  #opened({ payload }: SignedRequest, certificate: Uint8Array | undefined): Request {
    let request: Request;
    try {
      request = decodeAsGo(RequestSchema, payload);
    } catch (error) {
      throw badRequest(`failed parsing request: ${messageOf(error)}`);
    }
    const { authentication, queries } = request;
    if (authentication === undefined) {
      throw badRequest("access denied, no authentication info in request");
    }
    if (authentication.clientIdentity.length === 0) {
      throw badRequest("access denied, client identity wasn't supplied");
    }
    checkBinding(authentication.clientTlsCertHash, certificate, this.options.mutualTls);
    const questions = queries.reduce(
      (sum, { query }) =>
        sum + (query.case === "ccQuery" ? Math.max(1, query.value.interests.length) : 1),
      0,
    );
    if (questions > maxQuestions) {
      throw new RpcError(
        GrpcStatus.RESOURCE_EXHAUSTED,
        `a request has at most ${maxQuestions} queries and chaincode interests, not ${questions}`,
        { questions, maxQuestions },
      );
    }
    return request;
  }

  /** Why this client gets no answer to this query, if it does not. */
  #refusal({ channel, query }: Query, signed: SignedData, from: string): Result | undefined {
    const { logger } = this.options;
    if (channel !== "" && this.options.channelConfig(channel) === undefined) {
      logger.warn(`got query for channel ${channel} from ${from} but it doesn't exist`);
      return errorResult("access denied");
    }
    try {
      this.#checkEligible(channel, signed, channel !== "" && query.case === "peerQuery");
      return undefined;
    } catch (error) {
      logger.warn(
        `got query for channel ${channel} from ${from} but it isn't eligible: ${messageOf(error)}`,
      );
      return errorResult("access denied");
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
        const peers = interestedPeers(channel, filter && interestOf14(filter.chaincodes));
        return { case: "members", value: membershipResult(membership.localPeers(), peers) };
      }
      case "ccQuery": {
        checkInterests(query.value);
        const content: EndorsementDescriptor[] = [];
        for (const { chaincodes } of query.value.interests) {
          await giveWay(signal);
          content.push(this.#descriptor(channel, interestOf14(chaincodes)));
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
        `Failed constructing descriptor for chaincode ${text},: ${error.message}`,
        error.facts,
      );
      throw new DenimError("no-endorsers", `failed constructing descriptor for ${text}`);
    }
  }
}

/**
 * A request that names a TLS certificate belongs to connections with that certificate. Fabric means
 * to ask this of every request over TLS, but never looks (its service forgets its settings), and
 * its own `discover` hashes the PEM text; so a client without certificate or without hash is served
 * unless mutual TLS is required, and the hash of the PEM text counts, too.
 * @throws DenimError with Fabric's text
 */
function checkBinding(
  claimed: Uint8Array,
  certificate: Uint8Array | undefined,
  required: boolean,
): void {
  if (!required && (certificate === undefined || claimed.length === 0)) return;
  if (certificate === undefined) throw badRequest("client didn't send a TLS certificate");
  const actual = sha256(certificate);
  if (equal(actual, claimed)) return;
  if (equal(sha256(utf8(encodePem("CERTIFICATE", certificate))), claimed)) return;
  throw new DenimError(
    "bad-request",
    "client claimed TLS hash doesn't match computed TLS hash from gRPC stream",
    { claimed: hex(claimed), actual: hex(actual) },
  );
}

/** What 1.4.2 reads of an interest; later fields serve callers within this peer, not its clients. */
function interestOf14(chaincodes: readonly ChaincodeCall[]): ChaincodeInterest {
  return create(ChaincodeInterestSchema, {
    chaincodes: chaincodes.map(({ name, collectionNames }) => ({ name, collectionNames })),
  });
}

/** @throws DenimError with Fabric's text */
function checkInterests({ interests }: ChaincodeQuery): void {
  if (interests.length === 0) {
    throw badRequest("chaincode query must have at least one chaincode interest");
  }
  for (const { chaincodes } of interests) {
    if (chaincodes.length === 0) {
      throw badRequest("chaincode interest must contain at least one chaincode");
    }
    if (chaincodes.some(({ name }) => name === "")) {
      throw badRequest("chaincode name in interest cannot be empty");
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

function badRequest(message: string): DenimError {
  return new DenimError("bad-request", message);
}

function errorResult(content: string): Result {
  return { case: "error", value: create(ErrorSchema, { content }) };
}
