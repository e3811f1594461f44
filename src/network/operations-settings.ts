/** The operations listeners of a development network's peers. Pure. */
import { splitHostPort } from "../config/addresses.ts";

/**
 * Settings of one peer, from `CORE_OPERATIONS_LISTENADDRESS` and `CORE_METRICS_PROVIDER`: the first
 * peer listens there, each further one on the next port (0 takes free ones). Without an address there
 * is no listener; with one, metrics are for Prometheus unless something else is said.
 * @param index of the peer, from 0
 * @throws DenimError `bad-address`
 */
export function operationsSettings(
  environment: Readonly<Record<string, string | undefined>>,
  index: number,
): Record<string, string> {
  const address = environment.CORE_OPERATIONS_LISTENADDRESS ?? "";
  const provider = environment.CORE_METRICS_PROVIDER ||
    (address === "" ? "disabled" : "prometheus");
  return {
    "operations.listenAddress": address === "" ? "" : nextPort(address, index),
    "metrics.provider": provider,
  };
}

function nextPort(address: string, index: number): string {
  const { port } = splitHostPort(address);
  return port === 0 ? address : address.replace(/\d+$/, String(port + index));
}
