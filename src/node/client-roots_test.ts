import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { type Logger, silentLogger } from "../base/logger.ts";
import { bundleFromBlock } from "../channel/bundle.ts";
import { createEcdsaProvider } from "../crypto/provider.ts";
import type { RpcServer } from "../rpc/types.ts";
import { goldenBlocks } from "../../tests/support/golden.ts";
import { tlsRootsOf, trustChannelMembers } from "./client-roots.ts";

const provider = createEcdsaProvider();
const bundle = bundleFromBlock(goldenBlocks()[2], { provider });

Deno.test("clients of all organisations of a channel are trusted, and of its ordering service", () => {
  const subjects = tlsRootsOf(bundle).map((pem) =>
    /CN=(.*)/.exec(new X509Certificate(pem).subject)?.[1]
  );
  assert.deepEqual(subjects.toSorted(), [
    "tlsca.example.com",
    "tlsca.org1.example.com",
    "tlsca.org2.example.com",
  ]);
});

Deno.test("channels add to the configured roots, where client certificates are wanted at all", () => {
  const told: string[][] = [];
  const errors: string[] = [];
  const server = { trustClients: (roots) => told.push([...roots]) } as Partial<RpcServer>;
  const logger: Logger = { ...silentLogger, error: (message) => errors.push(message) };
  trustChannelMembers(server as RpcServer, undefined, [bundle], logger);
  trustChannelMembers(server as RpcServer, ["own"], [], logger);
  trustChannelMembers(server as RpcServer, ["own"], [bundle, bundle], logger);
  assert.deepEqual(told, [["own"], ["own", ...tlsRootsOf(bundle)]]);
  const broken: Partial<RpcServer> = {
    trustClients() {
      throw new Error("no");
    },
  };
  trustChannelMembers(broken as RpcServer, ["own"], [], logger);
  assert.equal(errors.length, 1);
});
