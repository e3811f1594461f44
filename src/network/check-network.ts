/** Is what a development network finds on disk, and on its ports, what it left there? */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { DenimError, messageOf } from "../base/errors.ts";
import { systemErrorCode, systemErrorReason } from "../base/system-error.ts";
import { decodePem } from "../crypto/pem.ts";
import { decode } from "../protocol/decode.ts";
import type { NetworkLayout } from "./layout.ts";
import type { NetworkSettings } from "./settings.ts";

/** The network cannot start from what is in its directory. */
export function damagedNetwork(
  directory: string,
  what: string,
  repair = "restore it from a backup",
  cause?: unknown,
): DenimError<"damaged-network"> {
  return new DenimError(
    "damaged-network",
    `the development network in ${directory} is damaged: ${what}`,
    { directory },
    `${repair}; or delete the network with 'denim down --purge' and start a new one`,
    { cause },
  );
}

/**
 * A network that has its genesis block has keys too: new ones would fit neither its channels nor
 * its ledgers.
 *
 * @throws DenimError `damaged-network`
 */
export function checkKeys(layout: NetworkLayout): void {
  if (!existsSync(layout.genesisBlockFile)) return;
  const folders = [
    layout.orderer.organizationMspPath,
    layout.orderer.mspPath,
    layout.orderer.tlsPath,
    ...layout.organizations.flatMap((org) => [
      org.mspPath,
      org.peerMspPath,
      org.peerTlsPath,
      org.adminMspPath,
    ]),
  ];
  const missing = folders.find((folder) => !existsSync(folder));
  if (missing !== undefined) throw damagedNetwork(layout.directory, `${missing} is missing`);
}

/** Reads a protobuf file that the network wrote. @throws DenimError `damaged-network` */
export async function readArtifact<Desc extends DescMessage>(
  layout: NetworkLayout,
  schema: Desc,
  file: string,
): Promise<MessageShape<Desc>> {
  try {
    return decode(schema, await readFile(file));
  } catch (error) {
    const reason = error instanceof DenimError ? messageOf(error) : systemErrorReason(error);
    throw damagedNetwork(layout.directory, `${file}: ${reason}`, undefined, error);
  }
}

/** Reads a key or certificate of the network. @throws DenimError `damaged-network` */
export async function readPem(layout: NetworkLayout, file: string): Promise<string> {
  let content: string;
  try {
    content = await readFile(file, "utf8");
  } catch (error) {
    throw damagedNetwork(
      layout.directory,
      `${file}: ${systemErrorReason(error)}`,
      undefined,
      error,
    );
  }
  if (!decodePem(content)) throw damagedNetwork(layout.directory, `${file} is not PEM`);
  return content;
}

/** @throws DenimError `port-in-use` naming the port and how to get another */
export async function checkPorts(settings: NetworkSettings, isNew: boolean): Promise<void> {
  const ports = [
    settings.ordererPort,
    ...settings.organizations.flatMap(({ peer, chaincode }) => [peer, chaincode]),
  ];
  for (const port of ports) {
    const refusal = await bindingRefusal(port);
    if (refusal === undefined) continue;
    throw new DenimError(
      "port-in-use",
      `port ${port} of 127.0.0.1 cannot be used: ${systemErrorReason(refusal)}`,
      { port },
      systemErrorCode(refusal) === "EACCES"
        ? "choose ports above 1024 with --port"
        : isNew
        ? "stop the program that uses it, or choose other ports with --port (0 takes free ones)"
        : "stop the program that uses it; this network keeps the ports of its first start, another " +
          "one in another --dir may have others",
    );
  }
}

function bindingRefusal(port: number): Promise<unknown> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", resolve);
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(undefined)));
  });
}
