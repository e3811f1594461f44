import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { create, toBinary } from "@bufbuild/protobuf";
import { text } from "../base/bytes.ts";
import { messageOf } from "../base/errors.ts";
import { CollectionConfigPackageSchema } from "../gen/common/collection_pb.ts";
import { parsePolicy } from "../policy/parse-policy.ts";
import { createEndorsementPlanner } from "./endorsement-planner.ts";
import { interestIn, pretendedChannel, type PretendedPeer } from "./testing.ts";
import type { EndorsementPlan } from "./types.ts";

/** Layouts with the numbers of the peers in place of group names, in order. */
function canonical({ groups, layouts }: EndorsementPlan): string {
  const numbers = (group: string) => groups.get(group)!.map(({ pkiId }) => text(pkiId)).join("+");
  return layouts.map((layout) =>
    Object.entries(layout).map(([group, n]) => `${n}of${numbers(group)}`).sort().join(",")
  ).sort().join(" | ");
}

function planned(peers: readonly PretendedPeer[], policies: Record<string, string>): string {
  try {
    const planner = createEndorsementPlanner(pretendedChannel(peers, policies));
    return canonical(planner.plan("ch", interestIn(...Object.keys(policies))));
  } catch (error) {
    return `error: ${messageOf(error)}`;
  }
}

interface Recorded {
  readonly peers: readonly (readonly [string, "peer" | "admin", string[], "hidden"?])[];
  readonly policies: readonly string[];
  /** More than one where Fabric's answer depends on the order of its maps. */
  readonly answers: readonly string[];
}

Deno.test("layouts of 300 random policies are those that Fabric 1.4.2 computes", () => {
  const recorded: Recorded[] = JSON.parse(
    readFileSync(new URL("./testdata/layouts.json", import.meta.url), "utf8"),
  );
  assert.equal(recorded.length, 300);
  for (const { peers, policies, answers } of recorded) {
    const answer = planned(
      peers.map(([mspId, role, chaincodes, hidden]) => ({
        mspId,
        role,
        chaincodes,
        endpoint: hidden && "",
      })),
      Object.fromEntries(policies.map((policy, i) => [`cc${i}`, policy])),
    );
    assert.ok(
      answers.includes(answer),
      `${policies.join(" and ")}\n   ours: ${answer}\n Fabric: ${answers.join("\n     or: ")}`,
    );
  }
});

const everywhere = (count: number, ...chaincodes: string[]) =>
  Array.from({ length: count }, (_, i) => ({ mspId: `Org${i + 1}`, chaincodes }));

const collections = (names: Record<string, string>) =>
  toBinary(
    CollectionConfigPackageSchema,
    create(CollectionConfigPackageSchema, {
      config: Object.entries(names).map(([name, policy]) => ({
        payload: {
          case: "staticCollectionConfig" as const,
          value: {
            name,
            memberOrgsPolicy: {
              payload: { case: "signaturePolicy" as const, value: parsePolicy(policy) },
            },
          },
        },
      })),
    }),
  );

Deno.test("collections leave only peers that belong to all of them", () => {
  const sources = pretendedChannel(
    everywhere(3, "cc"),
    { cc: "OR('Org1.member','Org2.member','Org3.member')" },
    {
      cc: collections({
        a: "OR('Org1.member','Org2.member')",
        b: "OR('Org2.member','Org3.member')",
      }),
    },
  );
  const { plan } = createEndorsementPlanner(sources);
  assert.equal(canonical(plan("ch", interestIn("cc:a"))), "1of0 | 1of1");
  assert.equal(canonical(plan("ch", interestIn("cc:a,b"))), "1of1");
  assert.throws(
    () => plan("ch", interestIn("cc:c")),
    /^DenimError: collection c doesn't exist in collection config for chaincode cc$/,
  );
});

Deno.test("without an answer, Fabric's reasons are given", () => {
  const reason = (policies: Record<string, string | Uint8Array>, ...calls: string[]) => {
    const planner = createEndorsementPlanner(pretendedChannel(everywhere(2, "cc"), policies));
    try {
      return canonical(planner.plan("ch", interestIn(...calls)));
    } catch (error) {
      return messageOf(error);
    }
  };
  const cc = "AND('Org1.member','Org2.member')";
  assert.equal(reason({ cc }, "cc"), "1of0,1of1");
  assert.equal(
    reason({ cc }, "other"),
    "No metadata was found for chaincode other in channel ch",
  );
  assert.equal(reason({ cc: "AND('Org1.member','Org3.member')" }, "cc"), noCombination);
  assert.equal(reason({ cc: "OutOf(2,'Org1.member','Org1.member')" }, "cc"), noCombination);
  assert.equal(reason({ cc: new Uint8Array(0) }, "cc"), "policy not found");
  assert.equal(reason({ cc: Uint8Array.of(0xff) }, "cc"), "policy not found");
  assert.match(reason({ cc }, ...Array(33).fill("cc")), /at most 32 chaincodes, not 33/);
});

const noCombination = "cannot satisfy any principal combination";

Deno.test("a hundred peers and 5 of 10 organisations are planned in well under a second", () => {
  const orgs = Array.from({ length: 10 }, (_, i) => `'Org${i + 1}.member'`).join(",");
  const peers = Array.from({ length: 100 }, (_, i) => ({
    mspId: `Org${i % 10 + 1}`,
    chaincodes: ["cc"],
  }));
  const planner = createEndorsementPlanner(pretendedChannel(peers, { cc: `OutOf(5,${orgs})` }));
  const startedAt = performance.now();
  const { layouts, groups } = planner.plan("ch", interestIn("cc"));
  const ms = performance.now() - startedAt;
  assert.equal(layouts.length, 252);
  assert.equal(groups.size, 10);
  assert.equal(groups.get("G0")!.length, 10);
  assert.ok(ms < 10_000, `${ms} ms`);
});

Deno.test("policies with more combinations than the limit are planned with what peers there are", () => {
  const orgs = Array.from({ length: 30 }, (_, i) => `'Org${i + 1}.member'`);
  // The first 10000 of 30 over 15 combinations all need Org1, which has no peer.
  const peers = everywhere(20, "cc", "cc2").slice(1);
  const sources = pretendedChannel(peers, {
    cc: `OutOf(15,${orgs.join(",")})`,
    cc2: `OutOf(5,${orgs.slice(10).join(",")})`,
  });
  const planner = createEndorsementPlanner(sources);
  for (const calls of [["cc"], ["cc", "cc2"], ["cc2", "cc"], ["cc", "cc", "cc2", "cc"]]) {
    const startedAt = performance.now();
    const { layouts } = planner.plan("ch", interestIn(...calls));
    const ms = performance.now() - startedAt;
    assert.ok(layouts.length > 0);
    for (const layout of layouts) assert.ok(Object.keys(layout).length >= 15);
    assert.ok(ms < 30_000, `${calls}: ${ms} ms`);
  }
});
