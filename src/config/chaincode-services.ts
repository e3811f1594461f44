/** `chaincode.services.<name>`: how the peer reaches chaincode that listens itself. Denim's own. */
import { readFileSync } from "node:fs";
import { DenimError, messageOf } from "../base/errors.ts";
import type { RawConfig } from "./raw-config.ts";
import type { ChaincodeServiceSettings } from "./types.ts";

/** Time for a connection to a service where nothing is said; Fabric 2 has the same. */
export const defaultDialTimeoutMs = 3_000;

/**
 * All services of the configuration by the lower-case name of their chaincode. TLS is on where a root
 * certificate is named.
 * @throws DenimError `invalid-config`
 */
export function chaincodeServices(
  raw: RawConfig,
): Readonly<Record<string, ChaincodeServiceSettings>> {
  const section = "chaincode.services";
  return Object.fromEntries(
    raw.names(section, ["address"]).map((name) => [name, serviceOf(raw, `${section}.${name}`)]),
  );
}

function serviceOf(raw: RawConfig, key: string): ChaincodeServiceSettings {
  const address = raw.string(`${key}.address`);
  if (!/^(\[[0-9a-fA-F:.]+\]|[^:\[\]\s]+):\d+$/.test(address)) {
    throw raw.invalid(`${key}.address`, "host:port");
  }
  const pem = (setting: string): string => {
    const path = raw.path(`${key}.tls.${setting}`);
    if (path === "") return "";
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      throw new DenimError(
        "invalid-config",
        `invalid configuration: ${key}.tls.${setting}: ${messageOf(error)}`,
        { key: `${key}.tls.${setting}`, path },
        "name a readable PEM file",
        { cause: error },
      );
    }
  };
  const rootCertificate = pem("rootcert.file");
  return {
    address,
    dialTimeoutMs: raw.durationMs(`${key}.dialTimeout`, defaultDialTimeoutMs),
    tls: rootCertificate === "" ? undefined : {
      rootCertificate,
      clientCertificate: pem("clientCert.file"),
      clientKey: pem("clientKey.file"),
      serverNameOverride: raw.string(`${key}.tls.serverhostoverride`),
    },
  };
}
