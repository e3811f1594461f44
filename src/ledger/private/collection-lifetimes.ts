/** Lifetimes of collections while one block commits, each looked up once. */
import type { CommittedState } from "../mvcc/committed-state.ts";
import type { BlockToLive } from "./collection-policy.ts";
import type { CollectionLifetime } from "./state-expiry.ts";

/** @param committed state before the block, which is what Fabric asks */
export function collectionLifetimes(
  blockToLive: BlockToLive,
  committed: CommittedState,
): CollectionLifetime {
  const known = new Map<string, number | undefined>();
  const getState = (namespace: string, key: string) => committed.get(namespace, key)?.value;
  return (namespace, collection) => {
    const name = JSON.stringify([namespace, collection]);
    if (!known.has(name)) known.set(name, blockToLive(getState, namespace, collection));
    return known.get(name);
  };
}
