/** A real ledger in a temporary directory, fed with synthetic blocks. */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  CollectionConfigPackageSchema,
  CollectionConfigSchema,
  StaticCollectionConfigSchema,
} from "../../src/gen/common/collection_pb.ts";
import type { TxPvtReadWriteSet } from "../../src/gen/ledger/rwset/rwset_pb.ts";
import { utf8 } from "../../src/base/bytes.ts";
import {
  createLedgerProvider,
  type LedgerProviderOptions,
} from "../../src/ledger/ledger-provider.ts";
import { collectionConfigKey, lsccNamespace } from "../../src/ledger/private/collection-policy.ts";
import type { CommittedBlock, PeerLedger, TxSimulator } from "../../src/ledger/types.ts";
import { syntheticBlock, syntheticGenesis } from "./synthetic-block.ts";
import { temporaryDirectory } from "./temporary.ts";

export interface Simulated {
  readonly txId: string;
  readonly results: Uint8Array;
  readonly privateSet?: TxPvtReadWriteSet;
  /** ChaincodeEvent bytes. */
  readonly events?: Uint8Array;
}

let transactions = 0;

/** Runs a simulation now, for a block to come. */
export function simulate(ledger: PeerLedger, run: (simulator: TxSimulator) => void): Simulated {
  const txId = `tx-${++transactions}`;
  const simulator = ledger.newSimulator(txId);
  try {
    run(simulator);
    const { publicBytes, privateSet } = simulator.results();
    return { txId, results: publicBytes, privateSet };
  } finally {
    simulator.done();
  }
}

export interface BlockOptions {
  /** Codes from validation; all valid without them. */
  readonly flags?: Uint8Array;
  /** Leaves out the clear private data, as a peer that never got it. */
  readonly withoutPrivateData?: boolean;
}

/** Commits the transactions as the next block. */
export function commitNext(
  ledger: PeerLedger,
  list: readonly Simulated[],
  { flags, withoutPrivateData }: BlockOptions = {},
): CommittedBlock {
  const { height, currentBlockHash } = ledger.info();
  const privateData = new Map<number, TxPvtReadWriteSet>();
  list.forEach(({ privateSet }, i) => {
    if (privateSet && !withoutPrivateData) privateData.set(i, privateSet);
  });
  return ledger.commit({
    block: syntheticBlock(height, currentBlockHash, list),
    flags: flags ?? new Uint8Array(list.length),
    privateData,
  });
}

/** Simulates and commits in one block. */
export function commitOne(ledger: PeerLedger, run: (simulator: TxSimulator) => void) {
  return commitNext(ledger, [simulate(ledger, run)]);
}

/** Bytes of a collection package: names with the blocks their data lives (0 for ever). */
export function collectionPackage(collections: Readonly<Record<string, number>>): Uint8Array {
  return toBinary(
    CollectionConfigPackageSchema,
    create(CollectionConfigPackageSchema, {
      config: Object.entries(collections).map(([name, blockToLive]) =>
        create(CollectionConfigSchema, {
          payload: {
            case: "staticCollectionConfig",
            value: create(StaticCollectionConfigSchema, { name, blockToLive: BigInt(blockToLive) }),
          },
        })
      ),
    }),
  );
}

/** Writes a chaincode's definition and collections where lscc keeps them. */
export function defineChaincode(
  ledger: PeerLedger,
  name: string,
  collections: Readonly<Record<string, number>>,
): void {
  commitOne(ledger, (simulator) => {
    simulator.setState(lsccNamespace, name, utf8("definition"));
    simulator.setState(lsccNamespace, collectionConfigKey(name), collectionPackage(collections));
  });
}

export interface TestLedger extends Disposable {
  ledger: PeerLedger;
  directory: string;
  /** Closes everything and opens it again. */
  reopen(): PeerLedger;
}

export function testLedger(options: Partial<LedgerProviderOptions> = {}): TestLedger {
  const directory = temporaryDirectory();
  let provider = createLedgerProvider({ directory: directory.path, ...options });
  const test: TestLedger = {
    ledger: provider.create("mychannel", syntheticGenesis()),
    directory: directory.path,
    reopen: () => {
      provider.close();
      provider = createLedgerProvider({ directory: directory.path, ...options });
      test.ledger = provider.open("mychannel");
      return test.ledger;
    },
    [Symbol.dispose]: () => {
      provider.close();
      directory[Symbol.dispose]();
    },
  };
  return test;
}
