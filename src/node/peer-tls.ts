/** TLS material of a peer, from its configuration and from its own chaincode authority. */
import { readFileSync } from "node:fs";
import { DenimError } from "../base/errors.ts";
import { systemErrorReason } from "../base/system-error.ts";
import type { PeerTls } from "../config/types.ts";
import type { CertificateAuthority } from "../crypto/certificate-authority.ts";
import { sha256 } from "../crypto/hash.ts";
import { decodePem } from "../crypto/pem.ts";
import type { ServerTls } from "../rpc/types.ts";
import { hostNamesInContainers } from "../runtime/docker/engine-traits.ts";

export interface PeerTlsMaterial {
  readonly server: ServerTls;
  readonly client: { rootCertificates: string[]; certificate?: string; key?: string };
  readonly clientCertificateHash: Uint8Array | undefined;
  /** SHA-256 of the certificate that callers see. */
  readonly serverCertificateHash: Uint8Array | undefined;
}

/** Reads the files of `peer.tls`. @throws DenimError `unreadable-file` naming the setting */
export function readPeerTls(tls: PeerTls): PeerTlsMaterial {
  const read = (setting: string, file: string): string => {
    const unreadable = (reason: string) =>
      new DenimError(
        "unreadable-file",
        `cannot read ${setting} "${file}": ${reason}`,
        { setting, file },
        `set ${setting} in core.yaml (or CORE_${
          setting.toUpperCase().replaceAll(".", "_")
        }) to a ` +
          "PEM file, or peer.tls.enabled to false",
      );
    let content: string;
    try {
      content = readFileSync(file, "utf8");
    } catch (error) {
      throw unreadable(systemErrorReason(error));
    }
    if (!decodePem(content)) throw unreadable("it is not PEM (no line starts with -----BEGIN)");
    return content;
  };
  const certificate = read("peer.tls.cert.file", tls.certFile);
  const key = read("peer.tls.key.file", tls.keyFile);
  const clientCertificate = tls.clientCertFile === tls.certFile
    ? certificate
    : read("peer.tls.clientCert.file", tls.clientCertFile);
  const clientKey = tls.clientKeyFile === tls.keyFile
    ? key
    : read("peer.tls.clientKey.file", tls.clientKeyFile);
  const roots = [
    ...(tls.rootCertFile === "" ? [] : [read("peer.tls.rootcert.file", tls.rootCertFile)]),
    ...tls.serverRootCaFiles.map((file) => read("peer.tls.serverRootCAs.files", file)),
  ];
  const hashOf = (pem: string) => {
    const der = decodePem(pem)?.bytes;
    return der && sha256(der);
  };
  return {
    server: {
      certificate,
      key,
      clientRootCertificates: tls.clientAuthRequired
        ? tls.clientRootCaFiles.map((file) => read("peer.tls.clientRootCAs.files", file))
        : undefined,
      // Discovery binds requests to the client's certificate, whoever issued it.
      requestClientCertificate: true,
    },
    client: { rootCertificates: roots, certificate: clientCertificate, key: clientKey },
    clientCertificateHash: hashOf(clientCertificate),
    serverCertificateHash: hashOf(certificate),
  };
}

/** TLS of the chaincode listener: issued by the peer's own authority, as are its clients'. */
export async function chaincodeServerTls(
  authority: CertificateAuthority,
  host: string,
): Promise<ServerTls> {
  const { certPem, keyPem } = await authority.newServerKeyPair([
    ...new Set([host, "localhost", "127.0.0.1", "::1", ...hostNamesInContainers]),
  ]);
  return {
    certificate: certPem,
    key: keyPem,
    clientRootCertificates: [authority.certificatePem],
    requestClientCertificate: true,
  };
}
