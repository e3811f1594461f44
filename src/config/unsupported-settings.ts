/** Settings that ask for what Denim has not: better no start than a peer that is not what was asked for. */
import { DenimError } from "../base/errors.ts";
import type { RawConfig } from "./raw-config.ts";

/** The handlers of Fabric's own library (core/handlers/library). */
const knownHandlers: Readonly<Record<string, readonly string[]>> = {
  "peer.handlers.authFilters": ["DefaultAuth", "ExpirationCheck"],
  "peer.handlers.decorators": ["DefaultDecorator"],
};

/**
 * Refuses settings that Denim would otherwise have to ignore although keys, hashes or checks depend
 * on them: hardware keys, other hash families, Idemix, Go plugins.
 *
 * @throws DenimError `unsupported-setting` naming the key and its value
 */
export function refuseUnsupported(raw: RawConfig): void {
  only(raw, "peer.BCCSP.Default", ["SW"], "keys are kept in files; PKCS#11 modules cannot be used");
  only(raw, "peer.BCCSP.SW.Hash", ["SHA2"], "messages are hashed with SHA-256");
  only(raw, "peer.BCCSP.SW.Security", ["256"], "messages are hashed with SHA-256");
  only(raw, "peer.localMspType", ["bccsp"], "a peer signs with an X.509 identity");
  for (const [key, names] of Object.entries(knownHandlers)) {
    const handlers = raw.get(key);
    if (!Array.isArray(handlers)) continue;
    for (const handler of handlers) {
      const { name, library } = (handler ?? {}) as { name?: unknown; library?: unknown };
      if (library) throw unsupported(key, String(library), "Go plugins cannot be loaded");
      if (!names.includes(String(name))) {
        throw unsupported(key, String(name), `there are ${names.join(", ")}`);
      }
    }
  }
}

function only(raw: RawConfig, key: string, supported: readonly string[], because: string): void {
  const value = raw.string(key);
  if (value === "" || supported.includes(value)) return;
  throw unsupported(key, value, because);
}

function unsupported(key: string, value: string, because: string): DenimError {
  return new DenimError(
    "unsupported-setting",
    `${key} is "${value}", which Denim does not have: ${because}`,
    { key, value },
    `correct ${key}, or use Fabric's own peer for this`,
  );
}
