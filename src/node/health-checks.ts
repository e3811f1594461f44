/** What /healthz asks of a peer. Mirrors where 1.4.2 registers its checkers. */
import { DenimError, messageOf } from "../base/errors.ts";
import { defaultConfig } from "../config/defaults.ts";
import type { PeerConfig } from "../config/types.ts";
import type { HealthCheck, HealthChecks } from "../operations/health.ts";

export interface CheckedPeer {
  readonly config: Pick<PeerConfig, "chaincode" | "vm" | "ledger">;
  readonly runtimes: {
    /** Has Docker been chosen for any chaincode so far? */
    readonly dockerUsed: boolean;
    /** @throws DenimError where the engine cannot be reached */
    checkDocker(): Promise<void>;
  };
  readonly channels: {
    /** Why channels that are on disk could not be opened. */
    readonly failures: ReadonlyMap<string, unknown>;
    ids(): readonly string[];
    get(channelId: string): CheckedChannel | undefined;
  };
}

export interface CheckedChannel {
  /** Why it takes no more blocks, where that is so. */
  readonly trouble: string | undefined;
  /** Asked for anything that is read from the state database. */
  readonly ledger: { configVersion(): unknown };
}

/**
 * Registers the checks: `docker` where Docker is what this peer uses, `couchdb` (as in Fabric where
 * that is configured) or `goleveldb` for the state database, and `channel`.
 */
export function registerHealthChecks(checks: HealthChecks, peer: CheckedPeer): void {
  const docker = dockerCheck(peer);
  if (docker) checks.register("docker", docker);
  const { stateDatabase } = peer.config.ledger;
  checks.register(stateDatabase === "CouchDB" ? "couchdb" : "goleveldb", () => checkState(peer));
  checks.register("channel", () => checkChannels(peer));
}

/**
 * Undefined where chaincode cannot come to run in Docker. With `auto`, an engine that is not there is
 * no failure, unless one has been used or somebody has named a place for it.
 */
function dockerCheck(
  { config: { chaincode, vm }, runtimes }: CheckedPeer,
): HealthCheck | undefined {
  if (chaincode.mode === "dev") return undefined;
  const named = Object.values(chaincode.runtimes).includes("docker");
  if (chaincode.runtime === "process" && !named) return undefined;
  const wanted = chaincode.runtime === "docker" || named ||
    !vm.endpointIsDefault && vm.endpoint !== "" && vm.endpoint !== usualEndpoint;
  return async () => {
    if (!wanted && !runtimes.dockerUsed) return;
    try {
      await runtimes.checkDocker();
    } catch (error) {
      if (error instanceof DenimError && error.code === "invalid-endpoint") {
        throw new DenimError(error.code, "failed to connect to Docker daemon: invalid endpoint");
      }
      throw new DenimError(
        "docker-unreachable",
        `failed to ping to Docker daemon: ${messageOf(error)}`,
      );
    }
  };
}

/** That of the sample core.yaml, which says nothing about whether an engine is there. */
const usualEndpoint = String((defaultConfig.vm as { endpoint?: unknown }).endpoint);

/** Reads from every state database. */
function checkState({ channels }: CheckedPeer): void {
  for (const channelId of channels.ids()) {
    try {
      channels.get(channelId)?.ledger.configVersion();
    } catch (error) {
      throw new DenimError("ledger-unreadable", `[${channelId}] ${messageOf(error)}`);
    }
  }
}

function checkChannels({ channels }: CheckedPeer): void {
  const reasons = [...channels.failures].map(([channelId, error]) =>
    `[${channelId}] cannot be opened: ${messageOf(error)}`
  );
  for (const channelId of channels.ids()) {
    const trouble = channels.get(channelId)?.trouble;
    if (trouble !== undefined) reasons.push(`[${channelId}] ${trouble}`);
  }
  if (reasons.length > 0) throw new DenimError("channel-trouble", reasons.join("; "));
}
