/** What a development network is made of; kept beside its keys so that it starts again the same. */
import { readFileSync } from "node:fs";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { DenimError, messageOf } from "../base/errors.ts";

/** Organisations one process can serve on a laptop. */
export const maxOrganizations = 20;
const settingsFile = "settings.json";

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

/** Reads the settings of an existing network; undefined where there is none. @throws DenimError `damaged-network` */
export function readSettings(directory: string): NetworkSettings | undefined {
  let text: string;
  try {
    text = readFileSync(join(directory, settingsFile), "utf8");
  } catch {
    return undefined;
  }
  try {
    const settings = JSON.parse(text);
    if (settings.format !== 1 || !Array.isArray(settings.organizations)) {
      throw new Error(`unknown format ${settings.format}`);
    }
    return settings as NetworkSettings;
  } catch (error) {
    throw new DenimError(
      "damaged-network",
      `the development network in ${directory} cannot be read: ${messageOf(error)}`,
      { directory },
      `delete it with 'denim down --purge --dir ${directory}' and start again`,
    );
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
    );
  }
  if (!/^[a-z][a-z0-9.-]{0,248}$/.test(channelId)) {
    throw new DenimError(
      "invalid-network",
      `channel name ${JSON.stringify(channelId)} is not allowed`,
      { channelId },
      "lower-case letters, digits, dots and dashes, a letter first, at most 249",
    );
  }
  const lastPort = firstPort + 2 + (organizations - 1) * organizationPortStep;
  if (firstPort < 0 || lastPort > 65_535) {
    throw new DenimError("invalid-network", `ports ${firstPort} to ${lastPort} do not exist`, {
      firstPort,
      lastPort,
    });
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

/** Ports nobody listens on now, all different. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer();
          server.once("error", reject);
          server.listen(0, "127.0.0.1", () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}
