/** How the command line dials a peer or an orderer. Mirrors peer/common/common.go configFromEnv. */
import type { RawConfig } from "./raw-config.ts";
import type { ClientConnection } from "./types.ts";

/** Fabric's time to connect where none is set. */
const defaultConnTimeoutMs = 3_000;

/** Settings below `prefix` (`peer`, `orderer`). @throws DenimError `invalid-config` */
export function clientConnection(raw: RawConfig, prefix: "peer" | "orderer"): ClientConnection {
  return {
    address: raw.string(`${prefix}.address`),
    serverHostOverride: raw.string(`${prefix}.tls.serverhostoverride`),
    connTimeoutMs: raw.durationMs(`${prefix}.client.connTimeout`) || defaultConnTimeoutMs,
    tls: {
      enabled: raw.boolean(`${prefix}.tls.enabled`),
      clientAuthRequired: raw.boolean(`${prefix}.tls.clientAuthRequired`),
      rootCertFile: raw.path(`${prefix}.tls.rootcert.file`),
      clientKeyFile: raw.path(`${prefix}.tls.clientKey.file`),
      clientCertFile: raw.path(`${prefix}.tls.clientCert.file`),
    },
  };
}
