/** Connection profiles, as far as the command line reads them. Mirrors peer/common/networkconfig.go. */
import { readFile } from "node:fs/promises";
import { DenimError } from "../base/errors.ts";
import { systemErrorReason } from "../base/system-error.ts";

export interface PeerTarget {
  readonly address: string;
  /** Path of the PEM file with the peer's TLS roots; "" without TLS. */
  readonly tlsRootCertFile: string;
}

/**
 * The endorsing peers of a channel; undefined where the profile names none.
 * @throws DenimError `bad-connection-profile`
 */
export async function endorsingPeers(
  file: string,
  channelId: string,
): Promise<PeerTarget[] | undefined> {
  let profile: unknown;
  try {
    const { parse } = await import("yaml");
    profile = parse(await readFile(file, "utf8"));
    if (profile !== null && !isObject(profile)) throw new Error("it is not a mapping of settings");
  } catch (error) {
    throw new DenimError(
      "bad-connection-profile",
      `error reading connection profile ${file}: ${systemErrorReason(error).split("\n")[0]}`,
      { file },
      "give --connectionProfile the path of a YAML or JSON connection profile",
    );
  }
  const peersOfChannel = section(profile, "channels", channelId, "peers");
  const names = Object.entries(peersOfChannel ?? {});
  if (names.length === 0) return undefined;
  const peers = section(profile, "peers") ?? {};
  return names
    .filter(([, role]) => isObject(role) && role["endorsingPeer"] === true)
    .map(([name]) => {
      const peer = Object.hasOwn(peers, name) ? peers[name] : undefined;
      if (!isObject(peer)) {
        throw new DenimError(
          "bad-connection-profile",
          `peer '${name}' is defined in the channel config but doesn't have associated peer config`,
          { file, peer: name },
        );
      }
      const tls = peer["tlsCACerts"];
      return {
        address: String(peer["url"] ?? ""),
        tlsRootCertFile: isObject(tls) ? String(tls["path"] ?? "") : "",
      };
    });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function section(root: unknown, ...path: string[]): Record<string, unknown> | undefined {
  let here = root;
  for (const name of path) {
    if (!isObject(here) || !Object.hasOwn(here, name)) return undefined;
    here = here[name];
  }
  return isObject(here) ? here : undefined;
}
