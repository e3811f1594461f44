/** The parts of `chaincode-name:version/channel-name`; absent parts are "". */
export interface ChaincodeInstance {
  readonly name: string;
  readonly version: string;
  readonly channelId: string;
}

/**
 * Splits `name[:version][/channel]`. Mirrors ParseName of core/chaincode/handler.go: the first `/`
 * ends the name, so a channel may hold further ones.
 */
export function parseChaincodeName(text: string): ChaincodeInstance {
  const slash = text.indexOf("/");
  const channelId = slash < 0 ? "" : text.slice(slash + 1);
  const instance = slash < 0 ? text : text.slice(0, slash);
  const colon = instance.indexOf(":");
  return colon < 0
    ? { name: instance, version: "", channelId }
    : { name: instance.slice(0, colon), version: instance.slice(colon + 1), channelId };
}

/** `name:version`: the key under which an instance registers, runs and is issued certificates. */
export function instanceName(name: string, version: string): string {
  return `${name}:${version}`;
}

/** The first eight characters of a transaction id, as Fabric's logs show it. */
export function shortTxId(txId: string): string {
  return txId.slice(0, 8);
}
