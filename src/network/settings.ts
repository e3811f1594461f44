/** What a development network is made of; kept beside its keys so that it starts again the same. */
import { readFileSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "../base/free-ports.ts";
import { DenimError } from "../base/errors.ts";

/** Organisations one process can serve on a laptop. */
export const maxOrganizations = 20;
const settingsFile = "settings.json";
/** Mirrors common/configtx/validator.go. */
const channelName = /^[a-z][a-z0-9.-]{0,248}$/;

export interface PeerPorts {
  readonly peer: number;
  readonly chaincode: number;
}

export interface NetworkSettings {
  readonly format: 1;
  readonly channelId: string;
  readonly ordererPort: number;
  /** One peer for each organisation. */
  readonly organizations: readonly PeerPorts[];
}

export interface NetworkChoice {
  readonly organizations: number;
  readonly channelId: string;
  /** The orderer's port; peers follow at +1, +1001, …; 0 takes free ports. */
  readonly firstPort: number;
}

/** Distance between the ports of two organisations, as Fabric's samples have it. */
const organizationPortStep = 1000;

function isPort(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= 65_535;
}

function isSettings(value: unknown): value is NetworkSettings {
  if (typeof value !== "object" || value === null) return false;
  const { format, channelId, ordererPort, organizations } = value as Record<string, unknown>;
  return format === 1 && typeof channelId === "string" && channelName.test(channelId) &&
    isPort(ordererPort) && Array.isArray(organizations) && organizations.length > 0 &&
    organizations.every((ports) => isPort(ports?.peer) && isPort(ports?.chaincode));
}

/** Reads the settings of an existing network; undefined where there is none. @throws DenimError `damaged-network` */
export function readSettings(directory: string): NetworkSettings | undefined {
  let text: string;
  try {
    text = readFileSync(join(directory, settingsFile), "utf8");
  } catch {
    return undefined;
  }
  const settings = parseSettings(text);
  if (settings) return settings;
  throw new DenimError(
    "damaged-network",
    `the development network in ${directory} is damaged: ${settingsFile} does not hold its settings`,
    { directory },
    `restore the file, or delete the network with 'denim down --purge --dir ${directory}' and ` +
      "start a new one",
  );
}

function parseSettings(text: string): NetworkSettings | undefined {
  try {
    const settings: unknown = JSON.parse(text);
    return isSettings(settings) ? settings : undefined;
  } catch {
    return undefined;
  }
}

/** Writes the settings whole or not at all. */
export async function writeSettings(directory: string, settings: NetworkSettings): Promise<void> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, settingsFile);
  await writeFile(`${path}.part`, JSON.stringify(settings, undefined, 2) + "\n");
  await rename(`${path}.part`, path);
}

/** @throws DenimError `invalid-network` */
export async function newSettings(choice: NetworkChoice): Promise<NetworkSettings> {
  const { organizations, channelId, firstPort } = choice;
  if (organizations < 1 || organizations > maxOrganizations) {
    throw new DenimError(
      "invalid-network",
      `--orgs must be between 1 and ${maxOrganizations}, got ${organizations}`,
      { organizations },
      "each organisation gets one peer in this process",
    );
  }
  if (!channelName.test(channelId)) {
    throw new DenimError(
      "invalid-network",
      `channel name ${JSON.stringify(channelId)} is not allowed`,
      { channelId },
      "use lower-case letters, digits, dots and dashes, a letter first, at most 249",
    );
  }
  const lastPort = firstPort + 2 + (organizations - 1) * organizationPortStep;
  if (firstPort < 0 || lastPort > 65_535) {
    throw new DenimError(
      "invalid-network",
      `ports ${firstPort} to ${lastPort} do not exist`,
      { firstPort, lastPort },
      "choose a first port with --port from which all fit below 65536; 0 takes free ones",
    );
  }
  const ports = firstPort === 0 ? await freePorts(1 + 2 * organizations) : [
    firstPort,
    ...Array.from({ length: organizations }, (_, i) => [
      firstPort + 1 + i * organizationPortStep,
      firstPort + 2 + i * organizationPortStep,
    ]).flat(),
  ];
  return {
    format: 1,
    channelId,
    ordererPort: ports[0],
    organizations: Array.from({ length: organizations }, (_, i) => ({
      peer: ports[1 + 2 * i],
      chaincode: ports[2 + 2 * i],
    })),
  };
}
