/** How clients find a running development network: the file that `denim up` leaves. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isProcessAlive } from "../base/process-identity.ts";

/** One organisation of the network, as its administrator's client needs it. Paths are absolute. */
export interface NetworkOrganization {
  readonly mspId: string;
  readonly name: string;
  readonly peerAddress: string;
  /** MSP folder of the organisation's administrator. */
  readonly adminMspPath: string;
  /** PEM file with the TLS root of the peer. */
  readonly tlsRootCertFile: string;
}

export interface RunningNetwork {
  /** Format of this file. */
  readonly format: 1;
  /** Process that serves it. */
  readonly pid: number;
  /** Tells that process from a later one with the same number. */
  readonly startTime: string;
  readonly directory: string;
  readonly channelId: string;
  readonly ordererAddress: string;
  readonly ordererTlsRootCertFile: string;
  readonly organizations: readonly NetworkOrganization[];
}

export const networkFileName = "network.json";
export const defaultNetworkDirectory = ".denim";

/** Where a network keeps what an organisation's applications need. */
export function applicationsPath(directory: string, mspId: string): string {
  return join(directory, "apps", mspId);
}

/** Reads a network file; undefined where there is none, it cannot be read or its process has gone. */
export function readRunningNetwork(directory: string): RunningNetwork | undefined {
  try {
    const network: unknown = JSON.parse(
      readFileSync(join(directory, networkFileName), "utf8"),
    );
    return isRunningNetwork(network) && isProcessAlive(network) ? network : undefined;
  } catch {
    return undefined;
  }
}

/** The nearest running network: `.denim` here or in a directory above, else the one last started. */
export function findRunningNetwork(
  workingDirectory: string,
  environment: Readonly<Record<string, string | undefined>>,
): RunningNetwork | undefined {
  return environment.DENIM_NETWORK
    ? readRunningNetwork(environment.DENIM_NETWORK)
    : networkHere(workingDirectory) ?? networkLastStarted(environment);
}

/** A running network in `.denim` here or in a directory above. */
export function networkHere(workingDirectory: string): RunningNetwork | undefined {
  for (let here = workingDirectory;;) {
    const found = readRunningNetwork(join(here, defaultNetworkDirectory));
    if (found) return found;
    const parent = dirname(here);
    if (parent === here) return undefined;
    here = parent;
  }
}

/** The network that this user started last, wherever it is, while it runs. */
export function networkLastStarted(
  environment: Readonly<Record<string, string | undefined>>,
): RunningNetwork | undefined {
  const pointer = networkPointerFile(environment);
  if (pointer === undefined) return undefined;
  try {
    return readRunningNetwork(readFileSync(pointer, "utf8").trim());
  } catch {
    return undefined;
  }
}

/** The per-user file that names the directory of the network last started. */
export function networkPointerFile(
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const state = environment.XDG_STATE_HOME ??
    (environment.HOME ? join(environment.HOME, ".local", "state") : undefined);
  return state && join(state, "denim", "network");
}

function hasTexts<Name extends string>(
  value: unknown,
  ...names: Name[]
): value is Record<string, unknown> & Record<Name, string> {
  if (typeof value !== "object" || value === null) return false;
  const fields = value as Record<string, unknown>;
  return names.every((name) => typeof fields[name] === "string");
}

function isRunningNetwork(value: unknown): value is RunningNetwork {
  return hasTexts(
    value,
    "startTime",
    "directory",
    "channelId",
    "ordererAddress",
    "ordererTlsRootCertFile",
  ) &&
    value.format === 1 &&
    // Zero and negative numbers would mean whole groups of processes.
    Number.isSafeInteger(value.pid) && Number(value.pid) > 0 &&
    Array.isArray(value.organizations) && value.organizations.length > 0 &&
    value.organizations.every((org) =>
      hasTexts(org, "mspId", "name", "peerAddress", "adminMspPath", "tlsRootCertFile")
    );
}
