/** Environment and TLS files of a chaincode. Mirrors LaunchConfig of core/chaincode/container_runtime.go. */
import { base64, utf8 } from "../base/bytes.ts";
import type { ChaincodeTls, StartRequest } from "./types.ts";

/** Where the TLS files lie, for the chaincode. */
export interface TlsPaths {
  readonly clientKey: string;
  readonly clientCertificate: string;
  readonly rootCertificate: string;
}

/** Paths inside a container. */
export const containerTlsPaths: TlsPaths = {
  clientKey: "/etc/hyperledger/fabric/client.key",
  clientCertificate: "/etc/hyperledger/fabric/client.crt",
  rootCertificate: "/etc/hyperledger/fabric/peer.crt",
};

/** Variables in Fabric's order: the peer's common ones, the chaincode's name, TLS. */
export function launchEnvironment(
  request: StartRequest,
  paths: TlsPaths,
): [name: string, value: string][] {
  const { name, version } = request.chaincode;
  const environment: [string, string][] = [
    ...Object.entries(request.environment),
    ["CORE_CHAINCODE_ID_NAME", `${name}:${version}`],
  ];
  if (request.tls === undefined) return [...environment, ["CORE_PEER_TLS_ENABLED", "false"]];
  return [
    ...environment,
    ["CORE_PEER_TLS_ENABLED", "true"],
    ["CORE_TLS_CLIENT_KEY_PATH", paths.clientKey],
    ["CORE_TLS_CLIENT_CERT_PATH", paths.clientCertificate],
    ["CORE_PEER_TLS_ROOTCERT_FILE", paths.rootCertificate],
  ];
}

/** The files: key and certificate as base64 of their PEM (the shims decode them), the root as PEM. */
export function tlsFiles(
  tls: ChaincodeTls,
  paths: TlsPaths,
): { path: string; content: Uint8Array }[] {
  return [
    { path: paths.clientCertificate, content: utf8(base64(utf8(tls.clientCertificate))) },
    { path: paths.clientKey, content: utf8(base64(utf8(tls.clientKey))) },
    { path: paths.rootCertificate, content: utf8(tls.rootCertificate) },
  ];
}
