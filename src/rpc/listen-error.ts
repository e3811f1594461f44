/** Why a server cannot listen, in plain words. */
import { DenimError } from "../base/errors.ts";

/** @param error of node:net's `listen` */
export function listenError(address: string, error: Error): DenimError {
  const code = (error as { code?: string }).code;
  if (code === "EADDRINUSE") {
    return new DenimError(
      "address-in-use",
      `listen ${address}: address already in use`,
      { address },
      "Stop the program that uses this port or configure another one.",
      { cause: error },
    );
  }
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
    return new DenimError(
      "address-not-available",
      `listen ${address}: this machine has no such address`,
      { address },
      "Use an address of this machine, or 0.0.0.0 for all.",
      { cause: error },
    );
  }
  return new DenimError(
    "listen-failed",
    `listen ${address}: ${error.message}`,
    { address },
    undefined,
    {
      cause: error,
    },
  );
}
