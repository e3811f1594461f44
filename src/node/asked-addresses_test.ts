import assert from "node:assert/strict";
import { bundleOf, goldenBlock } from "../channel/channel_testkit.ts";
import type { Bundle } from "../channel/types.ts";
import { maxAskedPeers, peersToAsk, tlsRootsOf } from "./asked-addresses.ts";

/** Anchor peers: 127.0.0.1:7051 of Org1MSP, 127.0.0.1:8051 of Org2MSP. */
const bundle = bundleOf(goldenBlock(2));
const both = {
  channelIds: ["a", "b"],
  bundleOf: (channelId: string): Bundle | undefined => channelId === "c" ? undefined : bundle,
  localMspId: "Org1MSP",
};

Deno.test("anchor and bootstrap peers are asked once about all their channels", () => {
  const asked = peersToAsk({ ...both, bootstrap: ["peer1:7051"], known: [] });
  assert.deepEqual(asked, [
    { address: "peer1:7051", mspId: "Org1MSP", channelIds: ["a", "b"] },
    { address: "127.0.0.1:7051", mspId: "Org1MSP", channelIds: ["a", "b"] },
    { address: "127.0.0.1:8051", mspId: "Org2MSP", channelIds: ["a", "b"] },
  ]);
  assert.deepEqual(peersToAsk({ ...both, channelIds: ["c"], bootstrap: [], known: [] }), []);
});

Deno.test("who is known otherwise is not asked", () => {
  const known = ["127.0.0.1:7051", "peer1:7051"];
  const asked = peersToAsk({ ...both, bootstrap: ["peer1:7051"], known });
  assert.deepEqual(asked.map(({ address }) => address), ["127.0.0.1:8051"]);
});

Deno.test("an address belongs to one organisation", () => {
  const asked = peersToAsk({ ...both, bootstrap: ["127.0.0.1:8051"], known: [] });
  assert.deepEqual(asked.map(({ address, mspId }) => [address, mspId]), [
    ["127.0.0.1:8051", "Org1MSP"],
    ["127.0.0.1:7051", "Org1MSP"],
  ]);
});

Deno.test("no more peers are asked than the limit", () => {
  const bootstrap = Array.from({ length: maxAskedPeers + 50 }, (_, i) => `peer${i}:7051`);
  assert.equal(peersToAsk({ ...both, bootstrap, known: [] }).length, maxAskedPeers);
});

Deno.test("a peer shows a TLS certificate of its organisation", () => {
  const [first, second] = ["Org1MSP", "Org2MSP"].map((mspId) =>
    tlsRootsOf({ address: "x:1", mspId, channelIds: ["a", "b", "c"] }, both.bundleOf)
  );
  assert.equal(first.length, 1);
  assert.equal(second.length, 1);
  assert.match(first[0], /^-----BEGIN CERTIFICATE-----/);
  assert.notEqual(first[0], second[0]);
});
