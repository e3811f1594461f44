/** Names of images and containers. Mirrors GetVMName of core/container/dockercontroller. */
import { createHash } from "node:crypto";
import { DenimError } from "../../base/errors.ts";

/** What tells one peer's containers from another's: `peer.networkId` and `peer.id`. */
export interface PeerNames {
  readonly networkId: string;
  readonly peerId: string;
}

/** `network-peer-name-version`, empty parts left out. */
function plainName(peer: PeerNames, name: string, version: string): string {
  return [peer.networkId, peer.peerId, `${name}-${version}`].filter((part) => part !== "").join(
    "-",
  );
}

function sanitized(name: string): string {
  return name.replace(/[^a-zA-Z0-9\-_.]/g, "-");
}

/** Name of the container. */
export function containerName(peer: PeerNames, name: string, version: string): string {
  return sanitized(plainName(peer, name, version));
}

/**
 * Name of the image: lower case, made unique by the SHA-256 of the name before that.
 * @throws DenimError `invalid-image-name` with Fabric's text
 */
export function imageName(peer: PeerNames, name: string, version: string): string {
  const plain = plainName(peer, name, version);
  const hash = createHash("sha256").update(plain).digest("hex");
  const image = `${sanitized(plain)}-${hash}`.toLowerCase();
  if (/^[a-z0-9]+(([._-][a-z0-9]+)+)?$/.test(image)) return image;
  throw new DenimError(
    "invalid-image-name",
    `Error constructing Docker VM Name. '${image}' breaks Docker's repository naming rules`,
    { image, ...peer, name, version },
    "peer.id and peer.networkId may hold letters, digits and single '.', '_' or '-' between them.",
  );
}
