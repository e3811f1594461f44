/** How a peer dials the ordering service. Mirrors DefaultConnectionFactory of core/deliverservice. */
import type { PeerSettings } from "../config/types.ts";
import { certificateExpiresAt, type ExpiryWatch } from "./expiry-watch.ts";
import { createRpcClient } from "../rpc/client.ts";
import type { RpcClient } from "../rpc/types.ts";
import type { PeerTlsMaterial } from "./peer-tls.ts";

/** Dials an orderer, trusting the TLS roots (PEM) that the channel's configuration has for it. */
export function ordererConnector(
  { deliveryClient, keepalive }: Pick<PeerSettings, "deliveryClient" | "keepalive">,
  tls: PeerTlsMaterial | undefined,
  expiry: ExpiryWatch,
): (address: string, tlsRoots: readonly string[]) => RpcClient {
  const staticRoots = deliveryClient.staticRootsEnabled ? tls?.client.rootCertificates ?? [] : [];
  return (address, tlsRoots) =>
    createRpcClient({
      address,
      tls: tls && {
        ...tls.client,
        rootCertificates: [...tlsRoots, ...staticRoots],
        onServerCertificate: (der) =>
          expiry.watch(`TLS server (orderer ${address})`, certificateExpiresAt(der)),
      },
      connectTimeoutMs: deliveryClient.connTimeoutMs,
      limits: {
        keepaliveIntervalMs: keepalive.deliveryClient.intervalMs,
        keepaliveTimeoutMs: keepalive.deliveryClient.timeoutMs,
      },
    });
}
