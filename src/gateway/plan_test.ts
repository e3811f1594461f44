import assert from "node:assert/strict";
import fc from "fast-check";
import { endorsement, proposalOf } from "./gateway_testkit.ts";
import { Plan } from "./plan.ts";
import type { GatewayEndorser } from "./types.ts";

const proposal = proposalOf();

/** `G0.1` is the second peer of group G0. */
function peer(name: string): GatewayEndorser {
  return {
    address: name,
    mspId: name.split(".")[0],
    pkiId: name,
    local: false,
    processProposal: () => Promise.reject(new Error("not asked here")),
  };
}

function groups(sizes: Readonly<Record<string, number>>) {
  return new Map(
    Object.entries(sizes).map((
      [group, size],
    ) => [group, Array.from({ length: size }, (_, i) => peer(`${group}.${i}`))]),
  );
}

const answer = (endorser: GatewayEndorser) => endorsement(proposal, endorser.address);
const names = (endorsers?: readonly GatewayEndorser[]) =>
  endorsers?.map(({ address }) => address).join(" ");

Deno.test("a layout takes the first peers of its groups, small groups first", () => {
  const plan = new Plan([{ A: 2, B: 1 }], groups({ A: 3, B: 2, C: 1 }));
  assert.equal(names(plan.nextEndorsers()), "B.0 A.0 A.1");
});

Deno.test("layouts with more peers than there are, or none, are passed over", () => {
  const plan = new Plan([{ A: 2 }, { Z: 1 }, { B: 1 }], groups({ A: 1, B: 1 }));
  assert.equal(names(plan.nextEndorsers()), "B.0");
});

Deno.test("an endorsement from elsewhere counts for all layouts with its group", () => {
  const plan = new Plan([{ A: 1, B: 1 }, { A: 1, C: 1 }], groups({ A: 2, B: 1, C: 1 }));
  const [first] = groups({ A: 1 }).get("A") ?? [];
  assert.ok(plan.add(first, answer(first)));
  const [b] = plan.nextEndorsers() ?? [];
  assert.equal(b.address, "B.0");
  assert.equal(plan.nextInGroup(b), undefined);
  const [c] = plan.nextEndorsers() ?? [];
  assert.equal(c.address, "C.0");
  plan.add(c, answer(c));
  assert.equal(plan.result()?.endorsements.length, 2);
});

Deno.test("two groups that fail at once do not hide the layout that is left", () => {
  const plan = new Plan([{ A: 1, B: 1 }, { C: 1 }], groups({ A: 1, B: 1, C: 1 }));
  const asked = plan.nextEndorsers() ?? [];
  for (const one of asked) assert.equal(plan.nextInGroup(one), undefined);
  assert.equal(names(plan.nextEndorsers()), "C.0");
});

Deno.test("a peer of several groups stands for one of them in each layout, and is asked once", () => {
  const [p0, p1, p2] = ["p0", "p1", "p2"].map(peer);
  const plan = new Plan(
    [{ members: 1, peers: 1 }, { peers: 1, others: 1 }],
    new Map([["members", [p0, p1]], ["peers", [p0, p1]], ["others", [p2]]]),
  );
  plan.add(p0, answer(p0));
  assert.equal(names(plan.nextEndorsers()), "p1");
  assert.equal(plan.nextInGroup(p1), undefined);
  assert.equal(names(plan.nextEndorsers()), "p2");
  plan.add(p2, answer(p2));
  assert.equal(plan.result()?.endorsements.length, 2);
});

Deno.test("the smallest group chooses first among peers of several groups", () => {
  const [p0, p1] = ["p0", "p1"].map(peer);
  const plan = new Plan([{ many: 1, few: 1 }], new Map([["many", [p0, p1]], ["few", [p0]]]));
  assert.deepEqual(names(plan.nextEndorsers())?.split(" ").toSorted(), ["p0", "p1"]);
});

Deno.test("endorsements of one endorser are used once", () => {
  const plan = new Plan([{ A: 2 }], groups({ A: 2 }));
  for (const endorser of plan.nextEndorsers() ?? []) {
    plan.add(endorser, endorsement(proposal, "same"));
  }
  assert.equal(plan.result()?.endorsements.length, 1);
});

Deno.test("whatever fails, a plan ends, never asks a peer twice, and completes only what suffices", () => {
  const sizes = fc.dictionary(fc.constantFrom("A", "B", "C", "D"), fc.nat(4));
  const layouts = fc.array(
    fc.dictionary(fc.constantFrom("A", "B", "C", "D", "E"), fc.integer({ min: 1, max: 3 }), {
      maxKeys: 3,
    }),
    { maxLength: 5 },
  );
  fc.assert(fc.property(sizes, layouts, fc.infiniteStream(fc.nat(3)), (sizes, layouts, luck) => {
    const plan = new Plan(layouts, groups(sizes));
    const asked = new Set<string>();
    const endorsed = new Map<string, number>();
    while (!plan.result()) {
      const endorsers = plan.nextEndorsers();
      if (!endorsers) break;
      for (let endorser of endorsers as (GatewayEndorser | undefined)[]) {
        while (endorser) {
          assert.ok(!asked.has(endorser.address), `${endorser.address} is asked again`);
          asked.add(endorser.address);
          if (luck.next().value > 0) {
            plan.add(endorser, answer(endorser));
            endorsed.set(endorser.mspId, (endorsed.get(endorser.mspId) ?? 0) + 1);
            break;
          }
          endorser = plan.nextInGroup(endorser);
        }
      }
    }
    const satisfied = layouts.some((layout) =>
      Object.keys(layout).length > 0 &&
      Object.entries(layout).every(([group, quantity]) => (endorsed.get(group) ?? 0) >= quantity)
    );
    assert.equal(plan.result() !== undefined, satisfied);
  }));
});
