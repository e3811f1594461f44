/** Picks who computes ECDSA on this machine. */
import { DenimError } from "../base/errors.ts";
import { type LibcryptoOptions, openLibcrypto } from "./libcrypto.ts";
import { createPortableProvider } from "./portable.ts";
import { rememberVerified } from "./recently-verified.ts";
import type { EcdsaProvider } from "./types.ts";

export interface EcdsaProviderOptions extends LibcryptoOptions {
  /** `libcrypto` insists on it; `portable` avoids it; default: libcrypto where it opens. */
  readonly prefer?: "libcrypto" | "portable";
}

/**
 * The fastest ECDSA this machine has. Close it when done (a node closes it last).
 * @throws DenimError `no-libcrypto` only with `prefer: "libcrypto"`
 */
export function createEcdsaProvider(options: EcdsaProviderOptions = {}): EcdsaProvider {
  return rememberVerified(choose(options));
}

function choose(options: EcdsaProviderOptions): EcdsaProvider {
  if (options.prefer === "portable") return createPortableProvider();
  const opened = openLibcrypto(options);
  if ("provider" in opened) return opened.provider;
  if (options.prefer === "libcrypto") {
    throw new DenimError("no-libcrypto", `libcrypto cannot be opened: ${opened.reason}`);
  }
  return createPortableProvider();
}
