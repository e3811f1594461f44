/** TLS of servers and clients: from PEM texts to node's options, and errors in plain words. */
import type { SecureServerOptions } from "node:http2";
import type { ConnectionOptions } from "node:tls";
import { DenimError } from "../base/errors.ts";
import type { ClientTls, ServerTls } from "./types.ts";

const pemCertificate = "-----BEGIN CERTIFICATE-----";

/** @throws DenimError `bad-tls-material` */
export function serverTlsOptions(tls: ServerTls): SecureServerOptions {
  requirePem(tls.certificate, pemCertificate, "TLS server certificate");
  requirePem(tls.key, "PRIVATE KEY-----", "TLS server key");
  const options: SecureServerOptions = {
    cert: tls.certificate,
    key: tls.key,
    ALPNProtocols: ["h2"],
  };
  if (tls.clientRootCertificates) {
    return {
      ...options,
      ca: [...tls.clientRootCertificates],
      requestCert: true,
      rejectUnauthorized: true,
    };
  }
  if (tls.requestClientCertificate) {
    return { ...options, requestCert: true, rejectUnauthorized: false };
  }
  return options;
}

/** @throws DenimError `bad-tls-material` */
export function clientTlsOptions(tls: ClientTls, host: string): ConnectionOptions {
  for (const root of tls.rootCertificates) requirePem(root, pemCertificate, "TLS root certificate");
  if (tls.certificate !== undefined) {
    requirePem(tls.certificate, pemCertificate, "TLS client certificate");
    requirePem(tls.key ?? "", "PRIVATE KEY-----", "TLS client key");
  }
  const name = tls.serverNameOverride || host;
  const isAddress = /^[0-9.]+$|:/.test(name);
  return {
    ca: [...tls.rootCertificates],
    cert: tls.certificate,
    key: tls.key,
    servername: isAddress ? undefined : name,
    ALPNProtocols: ["h2"],
  };
}

function requirePem(pem: string, marker: string, what: string): void {
  if (pem.includes(marker)) return;
  throw new DenimError(
    "bad-tls-material",
    `${what} is not PEM`,
    { what },
    "Name a PEM file: it has a line that starts with -----BEGIN.",
  );
}

/** Why a connection attempt failed and what to look at. */
export interface ConnectFailure {
  readonly reason: string;
  readonly hint?: string;
}

/** Explains an error of node:net, node:tls or node:http2. */
export function explainConnectError(error: unknown): ConnectFailure {
  const { code = "", message = String(error) } = error as { code?: string; message?: string };
  switch (code) {
    case "ECONNREFUSED":
      return { reason: "connection refused", hint: "Is it running, and is this the right port?" };
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return { reason: "no such host", hint: "Check the name, or add it to /etc/hosts." };
    case "ECONNRESET":
    case "EPIPE":
      return {
        reason: "connection closed by the server",
        hint:
          "Does the server want TLS (--tls and --cafile for an orderer, CORE_PEER_TLS_ENABLED for a " +
          "peer), and does it accept this client's certificate?",
      };
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return {
        reason: `TLS verification failed: ${message}`,
        hint: "Connect under a name in the certificate, or override the host name " +
          "(--ordererTLSHostnameOverride, CORE_PEER_TLS_SERVERHOSTOVERRIDE).",
      };
    case "CERT_HAS_EXPIRED":
      return { reason: "TLS verification failed: the server's certificate has expired" };
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
      return {
        // The platform reports an expired certificate with the same code.
        reason: "TLS verification failed: the server's certificate was issued by an authority " +
          "that is not among the given root certificates, or it has expired",
        hint: "Name the right CA file (--cafile, --tlsRootCertFiles, CORE_PEER_TLS_ROOTCERT_FILE).",
      };
  }
  if (/CERTIFICATE_REQUIRED|CertificateRequired/.test(`${code} ${message}`)) {
    return {
      reason: "the server requires a TLS client certificate",
      hint: "Give one (--clientauth --certfile FILE --keyfile FILE).",
    };
  }
  if (code === "ERR_HTTP2_ERROR" && /Protocol error/.test(message)) {
    return {
      reason: "the server does not speak HTTP/2 as gRPC needs it",
      hint: "Is TLS on at the server and off here, or is this another service's port?",
    };
  }
  if (/ERR_SSL|alert|InvalidContentType|corrupt/i.test(`${code} ${message}`)) {
    return {
      reason: `TLS failed: ${message}`,
      hint: "Does the server speak TLS on this port?",
    };
  }
  return { reason: message };
}
