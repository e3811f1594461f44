/**
 * Private data calls need a defined collection. The definition is read through the caller, so a
 * simulation records that it depends on it. Mirrors lockbasedtxmgr/collection_val.go.
 */
import { DenimError } from "../../base/errors.ts";
import { collectionsOf, lsccNamespace, type StateGetter } from "../private/collection-policy.ts";

export class CollectionNames {
  readonly #known = new Map<string, ReadonlySet<string>>();

  constructor(readonly getState: StateGetter) {}

  /** @throws DenimError `collection-config-not-defined`, `collection-not-defined` */
  check(namespace: string, collection: string): void {
    let names = this.#known.get(namespace);
    if (names === undefined) {
      names = this.#read(namespace);
      this.#known.set(namespace, names);
    }
    // Fabric keeps "" as its own mark that a namespace is known, and so accepts it as a name.
    if (collection === "" || names.has(collection)) return;
    throw new DenimError(
      "collection-not-defined",
      `collection [${collection}] not defined in the collection config for chaincode [${namespace}]`,
      { namespace, collection },
    );
  }

  #read(namespace: string): ReadonlySet<string> {
    const deployed = this.getState(lsccNamespace, namespace) !== undefined;
    const collections = deployed ? collectionsOf(this.getState, namespace) : undefined;
    if (collections === undefined) {
      throw new DenimError(
        "collection-config-not-defined",
        `collection config not defined for chaincode [${namespace}], pass the collection configuration upon chaincode definition/instantiation`,
        { namespace },
      );
    }
    const names = collections.config.map(({ payload }) =>
      payload.case === "staticCollectionConfig" ? payload.value.name : ""
    );
    return new Set(names);
  }
}
