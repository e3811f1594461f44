import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { openGoldenPeer } from "./support/golden-peer.ts";
import { mutate, mutations } from "./support/mutations.ts";
import { createCollectionEligibility } from "../src/commit/collection-eligibility.ts";
import { DenimError } from "../src/base/errors.ts";
import { CollectionConfigPackageSchema } from "../src/gen/common/collection_pb.ts";
import type { QueryExecutor } from "../src/ledger/types.ts";
import { compileSignaturePolicy } from "../src/policy/signature-policy.ts";
import { tryDecodeAsGo } from "../src/protocol/go-wire.ts";
import { checkCollections } from "../src/syscc/lscc/collections.ts";
import { checkAgainstOldCollections, checkNewCollections } from "../src/validation/collections.ts";
import { compilePolicyBytes } from "../src/validation/policy-compiler.ts";

Deno.test("mutated collection definitions are refused in words, at endorsement and at commit", async () => {
  using peer = await openGoldenPeer();
  const state = peer.ledger.newQueryExecutor();
  const recorded = state.getState("lscc", "assetcc~collection") ?? assert.fail();
  state.done();
  const old = fromBinary(CollectionConfigPackageSchema, recorded).config;
  const { mspManager } = peer.bundle;
  const nothing = { done() {} } as unknown as QueryExecutor;
  const atEndorsement = (bytes: Uint8Array): boolean => {
    try {
      const chaincode = { name: "assetcc", version: "1.0" };
      checkCollections(bytes, chaincode, mspManager, compileSignaturePolicy);
      return true;
    } catch (error) {
      assert.ok(error instanceof DenimError, String(error));
      return false;
    }
  };
  const atCommit = (bytes: Uint8Array): boolean => {
    const configs = tryDecodeAsGo(CollectionConfigPackageSchema, bytes)?.config;
    return configs !== undefined && checkNewCollections(configs) === undefined &&
      checkAgainstOldCollections(configs, old) === undefined;
  };
  /** Whether this peer is a member, were these definitions on the ledger. */
  const membership = (bytes: Uint8Array) =>
    createCollectionEligibility({
      bundleSource: { bundle: () => peer.bundle },
      ledger: { newQueryExecutor: () => ({ ...nothing, getState: () => bytes }) },
      compilePolicy: compilePolicyBytes,
      self: peer.signer.serialized,
    })("assetcc", "both");
  assert.ok(atEndorsement(recorded));
  assert.ok(atCommit(recorded));
  assert.equal(membership(recorded), true);
  fc.assert(
    fc.property(mutations, (changes) => {
      const damaged = mutate(recorded, changes);
      atEndorsement(damaged);
      atCommit(damaged);
      assert.ok([true, false, undefined].includes(membership(damaged)));
    }),
    { numRuns: 500 },
  );
});
