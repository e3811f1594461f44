/** Chaincode of this peer's channels, as discovery sees it. Mirrors core/cclifecycle. */
import { equal } from "../base/bytes.ts";
import type { Logger } from "../base/logger.ts";
import type { InstalledPackages } from "../syscc/lscc/dependencies.ts";
import {
  type ChaincodeMetadata,
  type ChaincodeMetadataSource,
  readDefinitions,
  readMetadata,
} from "../discovery/chaincode-metadata.ts";
import type { ChannelState } from "../discovery/self-description.ts";
import type { PeerLedger } from "../ledger/types.ts";

export interface ChannelDefinitionsOptions {
  /** Undefined for a channel that this peer has not joined. */
  ledger(channelId: string): PeerLedger | undefined;
  readonly packages: Pick<InstalledPackages, "load">;
  readonly logger: Logger;
}

export class ChannelDefinitions implements ChaincodeMetadataSource {
  /** Fingerprints of installed packages by name and version; undefined: not installed. */
  readonly #installed = new Map<string, Uint8Array | undefined>();
  readonly #states = new Map<string, ChannelState>();

  constructor(private readonly options: ChannelDefinitionsOptions) {}

  /** To be called after each installation. */
  installed(): void {
    this.#installed.clear();
    this.#states.clear();
  }

  metadata(
    channelId: string,
    name: string,
    withCollections: boolean,
  ): ChaincodeMetadata | undefined {
    const executor = this.options.ledger(channelId)?.newQueryExecutor();
    try {
      return executor && readMetadata(executor, name, withCollections);
    } finally {
      executor?.done();
    }
  }

  /** Height, and the chaincode that is instantiated there and installed here. */
  stateOf(channelId: string): ChannelState | undefined {
    const ledger = this.options.ledger(channelId);
    if (ledger === undefined) return undefined;
    const ledgerHeight = BigInt(ledger.info().height);
    const known = this.#states.get(channelId);
    if (known?.ledgerHeight === ledgerHeight) return known;
    const executor = ledger.newQueryExecutor();
    try {
      const chaincodes = readDefinitions(executor, this.options.logger)
        .filter(({ name, version, id }) => this.#hasInstalled(name, version, id))
        .map(({ name, version }) => ({ name, version }));
      const state = { ledgerHeight, chaincodes };
      this.#states.set(channelId, state);
      return state;
    } finally {
      executor.done();
    }
  }

  #hasInstalled(name: string, version: string, id: Uint8Array): boolean {
    const key = `${name}\0${version}`;
    if (!this.#installed.has(key)) this.#installed.set(key, this.#fingerprint(name, version));
    const installed = this.#installed.get(key);
    return installed !== undefined && equal(installed, id);
  }

  #fingerprint(name: string, version: string): Uint8Array | undefined {
    try {
      return this.options.packages.load(name, version).id;
    } catch {
      return undefined;
    }
  }
}
