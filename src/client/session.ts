/** One client's view of the network: its identity, the peers and the orderer it talks to. */
import { readFile } from "node:fs/promises";
import type { Clock } from "../base/clock.ts";
import { DenimError } from "../base/errors.ts";
import { systemErrorReason } from "../base/system-error.ts";
import { clientConnection } from "../config/client-connection.ts";
import type { ClientConnection, Config } from "../config/types.ts";
import { decodePem } from "../crypto/pem.ts";
import type { SigningIdentity } from "../msp/types.ts";
import { createRpcClient } from "../rpc/client.ts";
import type { ClientTls } from "../rpc/types.ts";
import type { PeerTarget } from "./connection-profile.ts";
import { defaultLeaderPatience, OrdererConnection } from "./orderer-connection.ts";
import { PeerConnection } from "./peer-connection.ts";

/** What a connection shows and trusts. */
interface ResolvedTls {
  readonly tls: ClientTls | undefined;
  /** DER of the client certificate. */
  readonly certificate: Uint8Array | undefined;
}

/** Opens connections as the configuration says and closes them together. */
export class ClientSession {
  readonly #open: { close(): void }[] = [];

  constructor(
    readonly config: Config,
    readonly signer: SigningIdentity,
    readonly clock: Clock,
    /** Sent with every proposal: the trace that it belongs to. */
    private readonly traceHeaders: Readonly<Record<string, string>> = {},
    /** Told what a person who waits should know. */
    private readonly notice?: (message: string) => void,
  ) {}

  /** The peer of the configuration (`peer.address`, `peer.tls.*`). @throws DenimError `unreadable-file` */
  async configuredPeer(): Promise<PeerConnection> {
    const settings = clientConnection(this.config.raw, "peer");
    return await this.#peer(settings, settings.address, settings.tls.rootCertFile);
  }

  /** A peer named by a flag or a connection profile. @throws DenimError */
  async peer(target: PeerTarget): Promise<PeerConnection> {
    const settings = clientConnection(this.config.raw, "peer");
    if (settings.tls.enabled && target.tlsRootCertFile === "") {
      throw new DenimError(
        "missing-tls-root",
        "tls root cert file must be set",
        { address: target.address },
        "give --tlsRootCertFiles once for each --peerAddresses",
      );
    }
    const address = target.address.replace(/^grpcs?:\/\//, "");
    return await this.#peer(settings, address, target.tlsRootCertFile);
  }

  async #peer(
    settings: ClientConnection,
    address: string,
    rootCertFile: string,
  ): Promise<PeerConnection> {
    const { tls, certificate } = await resolveTls("peer", settings, rootCertFile);
    const rpc = createRpcClient({ address, tls, connectTimeoutMs: settings.connTimeoutMs });
    const peer = new PeerConnection(address, rpc, certificate, this.traceHeaders);
    this.#open.push(peer);
    return peer;
  }

  /**
   * The orderer of the configuration (`orderer.address`, `orderer.tls.*`).
   * @param chosen address in place of the configured one
   * @throws DenimError
   */
  async orderer(chosen?: string): Promise<OrdererConnection> {
    const settings = clientConnection(this.config.raw, "orderer");
    const address = chosen ?? settings.address;
    const { tls, certificate } = await resolveTls(
      "orderer",
      settings,
      settings.tls.rootCertFile,
    );
    const rpc = createRpcClient({
      address,
      tls,
      connectTimeoutMs: settings.connTimeoutMs,
    });
    const orderer = new OrdererConnection(address, rpc, certificate, {
      ...defaultLeaderPatience,
      notice: this.notice,
    });
    this.#open.push(orderer);
    return orderer;
  }

  close(): void {
    for (const connection of this.#open.splice(0)) connection.close();
  }
}

async function resolveTls(
  prefix: "peer" | "orderer",
  settings: ClientConnection,
  rootCertFile: string,
): Promise<ResolvedTls> {
  if (!settings.tls.enabled) return { tls: undefined, certificate: undefined };
  const roots = await readPem(rootCertFile, `${prefix}.tls.rootcert.file`);
  const withClientCertificate = settings.tls.clientAuthRequired;
  const certificate = withClientCertificate
    ? await readPem(settings.tls.clientCertFile, `${prefix}.tls.clientCert.file`)
    : undefined;
  const key = withClientCertificate
    ? await readPem(settings.tls.clientKeyFile, `${prefix}.tls.clientKey.file`)
    : undefined;
  return {
    tls: {
      rootCertificates: [roots],
      serverNameOverride: settings.serverHostOverride || undefined,
      certificate,
      key,
    },
    certificate: certificate === undefined ? undefined : decodePem(certificate)?.bytes,
  };
}

const flagOfSetting: Readonly<Record<string, string>> = {
  "orderer.tls.rootcert.file": "--cafile",
  "orderer.tls.clientCert.file": "--certfile",
  "orderer.tls.clientKey.file": "--keyfile",
  "peer.tls.rootcert.file": "CORE_PEER_TLS_ROOTCERT_FILE (or --tlsRootCertFiles)",
  "peer.tls.clientCert.file": "CORE_PEER_TLS_CLIENTCERT_FILE",
  "peer.tls.clientKey.file": "CORE_PEER_TLS_CLIENTKEY_FILE",
};

async function readPem(file: string, setting: string): Promise<string> {
  const hint = `give ${flagOfSetting[setting] ?? setting} the path of a PEM file`;
  if (file === "") {
    throw new DenimError(
      "unreadable-file",
      `unable to load ${setting}: no file is set`,
      { setting },
      hint,
    );
  }
  const unreadable = (reason: string) =>
    new DenimError(
      "unreadable-file",
      `unable to load ${setting} '${file}': ${reason}`,
      { setting, file },
      hint,
    );
  let content: string;
  try {
    content = await readFile(file, "utf8");
  } catch (error) {
    throw unreadable(systemErrorReason(error));
  }
  if (!decodePem(content)) throw unreadable("it is not PEM (no line starts with -----BEGIN)");
  return content;
}
