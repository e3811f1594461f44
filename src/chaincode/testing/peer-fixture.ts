/** A ChaincodeHost between fakes: packages, definitions, ledgers, runtime. */
import { create } from "@bufbuild/protobuf";
import { Deferred } from "../../base/async.ts";
import { emptyBytes, utf8 } from "../../base/bytes.ts";
import { DenimError } from "../../base/errors.ts";
import { silentLogger } from "../../base/logger.ts";
import type { Bundle } from "../../channel/types.ts";
import {
  type ChaincodeDeploymentSpec,
  ChaincodeDeploymentSpecSchema,
  type ChaincodeInput,
  ChaincodeInputSchema,
  ChaincodeSpec_Type,
} from "../../gen/peer/chaincode_pb.ts";
import { ProposalSchema, SignedProposalSchema } from "../../gen/peer/proposal_pb.ts";
import type { PeerLedger } from "../../ledger/types.ts";
import { exitStatus } from "../../runtime/exit-status.ts";
import type {
  ChaincodeRuntime,
  ExitStatus,
  LaunchObserver,
  OutputLine,
  RunningChaincode,
  StartRequest,
} from "../../runtime/types.ts";
import type { SystemChaincode } from "../../syscc/types.ts";
import type { ChaincodeHost } from "../chaincode-host.ts";
import { type ChaincodeSupportOptions, createChaincodeSupport } from "../chaincode-support.ts";
import type { ChaincodeSupportConfig } from "../chaincode-support-config.ts";
import type { ChaincodeDefinition, InstalledPackage, TransactionParams } from "../types.ts";
import { FakeHistory, FakeSimulator } from "./fake-simulator.ts";
import { type MiniChaincode, MiniShim } from "./mini-shim.ts";

/** How a started instance of the fake runtime behaves. */
export type Behaviour =
  | { readonly chaincode: MiniChaincode }
  | { readonly exits: number; readonly output?: string[] }
  | { readonly hangs: true }
  | { readonly failsToStart: string };

export class FakeInstance implements RunningChaincode {
  readonly id: string;
  readonly #exited = new Deferred<ExitStatus>();
  output: OutputLine[] = [];
  stopped = 0;
  shim: MiniShim | undefined;

  constructor(readonly request: StartRequest, number: number) {
    this.id = `instance-${number}`;
  }
  get exited(): Promise<ExitStatus> {
    return this.#exited.promise;
  }
  lastOutput(): readonly OutputLine[] {
    return this.output;
  }
  exit(code: number): void {
    this.shim?.hangUp();
    this.#exited.resolve(exitStatus(code, undefined));
  }
  stop(): Promise<void> {
    this.stopped++;
    this.exit(137);
    return Promise.resolve();
  }
}

export class FakeRuntime implements ChaincodeRuntime {
  readonly kind = "process";
  readonly instances: FakeInstance[] = [];
  readonly behaviours = new Map<string, Behaviour>();
  builds = 0;
  host: ChaincodeHost | undefined;

  build(): Promise<void> {
    this.builds++;
    return Promise.resolve();
  }

  start(request: StartRequest, observer: LaunchObserver): Promise<RunningChaincode> {
    const { name, version } = request.chaincode;
    const instance = new FakeInstance(request, this.instances.length);
    this.instances.push(instance);
    const behaviour = this.behaviours.get(`${name}:${version}`) ?? { exits: 1 };
    observer.step("start", "begin");
    if ("failsToStart" in behaviour) {
      return Promise.reject(new DenimError("start-failed", behaviour.failsToStart));
    }
    observer.step("start", "end");
    if ("chaincode" in behaviour) {
      if (this.host === undefined) throw new Error("fixture without host");
      instance.shim = new MiniShim(this.host, `${name}:${version}`, behaviour.chaincode);
      void instance.shim.register().catch(() => {});
      // As real shims do: the process ends with its stream.
      void instance.shim.ended.then(() => instance.exit(1));
    } else if ("exits" in behaviour) {
      instance.output = (behaviour.output ?? []).map((text) => ({ at: 0, stream: "stderr", text }));
      queueMicrotask(() => instance.exit(behaviour.exits));
    }
    return Promise.resolve(instance);
  }

  check() {
    return Promise.resolve({ ok: true as const, detail: "fake" });
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

export interface FixtureOptions {
  readonly config?: Partial<ChaincodeSupportConfig>;
  readonly systemChaincodes?: readonly SystemChaincode[];
  readonly overrides?: Partial<ChaincodeSupportOptions>;
}

export class PeerFixture {
  readonly runtime = new FakeRuntime();
  readonly host: ChaincodeHost;
  /** Installed packages by `name:version`. */
  readonly installed = new Map<string, InstalledPackage>();
  /** Instantiated versions by name; the same on every channel. */
  readonly instantiated = new Map<string, string>();
  readonly ledgers = new Map<string, FakeSimulator>();
  readonly aclChecks: string[] = [];
  keyLevelEndorsement = true;
  /** Does the member policy of a collection hold for the creator? */
  isMember = true;
  #transactions = 0;

  constructor({ config, systemChaincodes = [], overrides }: FixtureOptions = {}) {
    const system = new Map(systemChaincodes.map((chaincode) => [chaincode.name, chaincode]));
    this.host = createChaincodeSupport({
      config: {
        startupTimeoutMs: 2_000,
        executeTimeoutMs: 2_000,
        keepaliveMs: 0,
        totalQueryLimit: 100_000,
        peerAddress: "peer:7052",
        tlsEnabled: false,
        userRunsChaincode: false,
        environment: { CORE_CHAINCODE_LOGGING_LEVEL: "info" },
        ...config,
      },
      systemChaincodes: {
        get: (name) => system.get(name),
        isSystemChaincode: (name) => system.has(name),
        isClosedToChaincodes: (name) => system.get(name)?.invokableByChaincode === false,
      },
      packages: {
        install: () => {},
        list: () => [...this.installed.values()],
        has: (name, version) => this.installed.has(`${name}:${version}`),
        load: (name, version) => this.#load(name, version),
      },
      definitions: {
        chaincodeDefinition: (name) => this.#definition(name),
        instantiatedPackage: (name) => this.#load(name, this.#definition(name).version),
      },
      acl: {
        check: (resource, channelId) => {
          this.aclChecks.push(`${resource} ${channelId}`);
          if (channelId === "forbidden") throw new DenimError("access-denied", "access denied");
        },
      },
      certificateAuthority: {
        certificatePem: "",
        newClientKeyPair: () => Promise.reject(new Error("no TLS in this fixture")),
      },
      runtimeFor: () => this.runtime,
      ledger: (channelId) => this.#ledger(channelId),
      bundle: (channelId) => this.#bundle(channelId),
      signaturePolicy: () => ({
        evaluate: () => {
          if (!this.isMember) throw new DenimError("policy-not-satisfied", "not a member");
        },
        evaluateIdentities: () => {},
      }),
      logger: silentLogger,
      ...overrides,
    });
    this.runtime.host = this.host;
  }

  /** Installs, instantiates, and says how an instance behaves once it is started. */
  deploy(name: string, version: string, behaviour: Behaviour): void {
    this.installed.set(`${name}:${version}`, fakePackage(name, version));
    this.instantiated.set(name, version);
    this.runtime.behaviours.set(`${name}:${version}`, behaviour);
  }

  params(overrides: Partial<TransactionParams> = {}): TransactionParams {
    const txId = overrides.txId ?? `tx${this.#transactions++}`;
    return {
      channelId: "ch",
      txId,
      signedProposal: create(SignedProposalSchema, { proposalBytes: utf8("proposal") }),
      proposal: create(ProposalSchema),
      simulator: new FakeSimulator(txId),
      history: new FakeHistory(),
      transient: {},
      decorations: {},
      creator: utf8("creator"),
      signal: undefined,
      ...overrides,
    };
  }

  #load(name: string, version: string): InstalledPackage {
    const found = this.installed.get(`${name}:${version}`);
    if (found !== undefined) return found;
    throw new DenimError(
      "package-not-installed",
      `open chaincodes/${name}.${version}: no such file or directory`,
    );
  }

  #definition(name: string): ChaincodeDefinition {
    const version = this.instantiated.get(name);
    if (version === undefined) {
      throw new DenimError("chaincode-not-instantiated", `chaincode ${name} not found`);
    }
    return {
      name,
      version,
      escc: "escc",
      vscc: "vscc",
      policy: emptyBytes,
      id: emptyBytes,
      instantiationPolicy: emptyBytes,
    };
  }

  #ledger(channelId: string): PeerLedger | undefined {
    const simulator = this.ledgers.get(channelId);
    if (simulator === undefined) return undefined;
    const ledger: Pick<PeerLedger, "newSimulator" | "newHistoryExecutor"> = {
      newSimulator: () => simulator,
      newHistoryExecutor: () => new FakeHistory(),
    };
    return ledger as PeerLedger;
  }

  #bundle(channelId: string): Bundle | undefined {
    if (channelId !== "ch") return undefined;
    const capabilities = { keyLevelEndorsement: this.keyLevelEndorsement };
    return { channelId, capabilities } as Bundle;
  }
}

export function input(...args: string[]): ChaincodeInput {
  return create(ChaincodeInputSchema, { args: args.map(utf8) });
}

export function deploymentSpec(
  name: string,
  version: string,
  ...args: string[]
): ChaincodeDeploymentSpec {
  return create(ChaincodeDeploymentSpecSchema, {
    chaincodeSpec: {
      type: ChaincodeSpec_Type.GOLANG,
      chaincodeId: { name, version, path: `example.org/${name}` },
      input: { args: args.map(utf8) },
    },
  });
}

export function fakePackage(
  name: string,
  version: string,
  instantiationPolicy?: Uint8Array,
): InstalledPackage {
  return {
    name,
    version,
    path: `example.org/${name}`,
    id: utf8(`${name}:${version}`),
    packageBytes: emptyBytes,
    deploymentSpec: deploymentSpec(name, version),
    deploymentSpecBytes: emptyBytes,
    codeHash: emptyBytes,
    metadataHash: emptyBytes,
    instantiationPolicy,
    signed: instantiationPolicy !== undefined,
  };
}

/** Runs one chaincode as mycc:1.0 under a fixture that is closed afterwards. */
export async function withChaincode(
  chaincode: MiniChaincode,
  work: (peer: PeerFixture) => Promise<void>,
  peer = new PeerFixture(),
): Promise<void> {
  peer.deploy("mycc", "1.0", { chaincode });
  try {
    await work(peer);
  } finally {
    await peer.host.close();
  }
}
