/** A signed request, opened and looked at. Mirrors validateStructure of discovery/service.go. */
import { equal, hex, utf8 } from "../base/bytes.ts";
import { DenimError, messageOf } from "../base/errors.ts";
import { sha256 } from "../crypto/hash.ts";
import { encodePem } from "../crypto/pem.ts";
import {
  type Query,
  type Request,
  RequestSchema,
  type SignedRequest,
} from "../gen/discovery/protocol_pb.ts";
import { decodeAsGo } from "../protocol/go-wire.ts";
import { GrpcStatus, RpcError } from "../rpc/status.ts";

/** Questions of one request: queries, and interests of chaincode queries. Fabric has no limit. */
export const maxQuestions = 1_000;

/**
 * The request, bound to its connection; who signed it is not checked here.
 * @param certificate DER of the TLS certificate that the client shows
 * @throws DenimError with Fabric's text; RpcError RESOURCE_EXHAUSTED past `maxQuestions`
 */
export function openRequest(
  { payload }: SignedRequest,
  certificate: Uint8Array | undefined,
  mutualTls: boolean,
): Request {
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
  checkBinding(authentication.clientTlsCertHash, certificate, mutualTls);
  const questions = queries.reduce((sum, query) => sum + questionsOf(query), 0);
  if (questions > maxQuestions) {
    throw new RpcError(
      GrpcStatus.RESOURCE_EXHAUSTED,
      `a request has at most ${maxQuestions} queries and chaincode interests, not ${questions}`,
      { questions, maxQuestions },
    );
  }
  return request;
}

function questionsOf({ query }: Query): number {
  return query.case === "ccQuery" ? Math.max(1, query.value.interests.length) : 1;
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

function badRequest(message: string): DenimError {
  return new DenimError("bad-request", message);
}
