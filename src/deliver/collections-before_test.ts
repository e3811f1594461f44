import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { emptyBytes } from "../base/bytes.ts";
import { DenimError } from "../base/errors.ts";
import { CollectionConfigPackageSchema } from "../gen/common/collection_pb.ts";
import type { PeerLedger } from "../ledger/types.ts";
import { newBlock } from "../protocol/block.ts";
import { collectionsBefore } from "./collections-before.ts";

type Source = Parameters<typeof collectionsBefore>[0];

function defining(name: string): Uint8Array {
  return toBinary(
    CollectionConfigPackageSchema,
    create(CollectionConfigPackageSchema, {
      config: [{ payload: { case: "staticCollectionConfig", value: { name } } }],
    }),
  );
}

/** A ledger where `cc~collection` was written in these blocks, in this order. */
function ledger(writes: [block: number, value: Uint8Array | undefined][], history = true) {
  let open = 0;
  const source = {
    newHistoryExecutor: () => {
      open++;
      return {
        getHistoryForKey: (namespace: string, key: string) => {
          if (!history) throw new DenimError("history-disabled", "history database not enabled");
          assert.deepEqual([namespace, key], ["lscc", "cc~collection"]);
          const rest = [...writes];
          return {
            next: () => {
              const write = rest.shift();
              return write && {
                txId: String(write[0]),
                value: write[1] ?? emptyBytes,
                timestamp: undefined,
                isDelete: write[1] === undefined,
              };
            },
            close: () => {},
          };
        },
        done: () => void open--,
      };
    },
    blockByTxId: (txId: string) => newBlock(BigInt(txId), emptyBytes, []),
    newQueryExecutor: () => {
      open++;
      return { getState: () => writes.at(-1)?.[1], done: () => void open-- };
    },
  } as unknown as Pick<PeerLedger, keyof Source>;
  return { source, open: () => open };
}

function nameBefore(source: Source, block: number): string | undefined {
  const [config] = collectionsBefore(source, block, "cc")?.config ?? [];
  return config?.payload.case === "staticCollectionConfig" ? config.payload.value.name : undefined;
}

Deno.test("a block's collections are those that an earlier block defined last", () => {
  const { source, open } = ledger([
    [3, defining("first")],
    [5, defining("second")],
    [8, undefined],
    [9, defining("third")],
  ]);
  const names = [3, 4, 5, 6, 8, 9, 10].map((block) => nameBefore(source, block));
  assert.deepEqual(names, [
    undefined,
    "first",
    "first",
    "second",
    "second",
    undefined,
    "third",
  ]);
  assert.equal(open(), 0);
});

Deno.test("without history of keys it is today's definition", () => {
  const { source, open } = ledger([[3, defining("first")], [5, defining("second")]], false);
  assert.equal(nameBefore(source, 4), "second");
  assert.equal(open(), 0);
});

Deno.test("a definition that cannot be read is none", () => {
  assert.equal(nameBefore(ledger([[3, Uint8Array.of(0xff)]]).source, 4), undefined);
});
