import assert from "node:assert/strict";
import { equal } from "../base/bytes.ts";
import { silentLogger } from "../base/logger.ts";
import { until } from "../../tests/support/until.ts";
import { channelId, TestPeer } from "./testing-peers.ts";
import type { PeerMember } from "./types.ts";

const quick = { refreshMs: 20, maxBackoffMs: 50, staleAfterMs: 25_000, answerTimeoutMs: 5_000 };

/** Moves on by hand, and a little by itself, so that alive messages are made again. */
function handClock() {
  const start = Date.now();
  return {
    ahead: 0,
    now(): number {
      return start + this.ahead;
    },
  };
}

const knows = (peer: TestPeer, ...others: TestPeer[]) => {
  const members = peer.known.channelPeers(channelId);
  return members.length === others.length + 1 &&
    others.every((other) => members.some(({ pkiId }) => equal(pkiId, other.self.pkiId)));
};

/** Waits for it while the clock goes on. */
async function eventuallyAtLater(
  clock: { ahead: number },
  holds: () => boolean,
  what: string,
  stepMs = 100, // slow enough that nobody is forgotten on a busy machine
): Promise<void> {
  await until(what, () => {
    clock.ahead += stepMs;
    return holds();
  });
}

Deno.test("peers that ask one peer come to know each other, and forget those that are gone", async () => {
  const clock = handClock();
  await using anchor = await TestPeer.start("peer0.org1", { clock, timing: quick });
  const asking = { clock, timing: quick, asked: [anchor.asAsked] };
  await using second = await TestPeer.start("peer0.org2", asking);
  {
    await using third = await TestPeer.start("peer1.org1", asking);
    await eventuallyAtLater(
      clock,
      () => knows(anchor, second, third) && knows(second, anchor, third),
      "all three known",
    );
    await eventuallyAtLater(clock, () => knows(third, anchor, second), "all three known");
    third.height = 77n;
    const heightAt = (peer: TestPeer) =>
      peer.known.channelPeers(channelId).find(({ pkiId }) => equal(pkiId, third.self.pkiId))
        ?.ledgerHeight;
    await eventuallyAtLater(clock, () => heightAt(second) === 77n, "news of the third's ledger");
    const [member] = third.known.channelPeers(channelId);
    assert.deepEqual(member.chaincodes, [{ name: "cc", version: "1" }]);
    assert.ok(member.local);
  }
  await eventuallyAtLater(
    clock,
    () => knows(anchor, second) && knows(second, anchor),
    "the third forgotten",
    500,
  );
  assert.deepEqual(anchor.known.channelPeers("other"), []);
});

Deno.test("a peer that knows no introductions, as Go peers, is asked all the same", async () => {
  const clock = handClock();
  await using anchor = await TestPeer.start("peer0.org1", { clock, timing: quick, likeGo: true });
  const asking = { clock, timing: quick, asked: [anchor.asAsked] };
  await using second = await TestPeer.start("peer0.org2", asking);
  await until("the anchor is known", () => knows(second, anchor));
  assert.ok(knows(anchor));
});

Deno.test("of a peer that denies access the log says so, and what can be done", async () => {
  const clock = handClock();
  const anchor = { clock, timing: quick, answers: "/Channel/Application/Admins" };
  await using denying = await TestPeer.start("peer0.org1", anchor);
  const hints: unknown[] = [];
  await using peer = await TestPeer.start("peer0.org2", {
    clock,
    timing: quick,
    asked: [denying.asAsked],
    deniedHint: "ask as a client",
    logger: {
      ...silentLogger,
      warn: (message, facts) => {
        assert.match(message, /access denied/);
        hints.push(facts?.hint);
      },
    },
  });
  await until("the warning", () => hints.length > 0);
  assert.deepEqual(hints, ["ask as a client"]);
  assert.ok(knows(peer));
});

Deno.test("an anchor peer that is down costs one line in the log, and is found when it is back", async () => {
  const lines: string[] = [];
  const note = (message: string) => lines.push(message);
  const logger = { ...silentLogger, warn: note, info: note };
  const clock = handClock();
  let rounds = 0;
  const counted = {
    now: () => {
      rounds++;
      clock.ahead += 20;
      return clock.now();
    },
  };
  const down = await TestPeer.start("peer0.org2", { clock, timing: quick });
  const { asAsked } = down;
  await down[Symbol.asyncDispose]();
  await using peer = await TestPeer.start("peer0.org1", {
    clock: counted,
    timing: quick,
    logger,
    asked: [asAsked],
  });
  await until("fifty looks at the clock", () => rounds > 50);
  assert.equal(lines.length, 1, lines.join("\n"));
  assert.match(lines[0], /^127\.0\.0\.1:\d+ of Org2MSP does not tell which peers there are/);
  assert.ok(knows(peer));
  await using back = await TestPeer.start("peer0.org2", { clock, listen: asAsked.address });
  await until("the anchor is known", () => knows(peer, back));
  assert.deepEqual(lines.slice(1), [`${asAsked.address} answers again`]);
});

Deno.test("who shows no address is not known to others", async () => {
  const clock = handClock();
  await using anchor = await TestPeer.start("peer0.org1", { clock, timing: quick });
  const asking = { clock, timing: quick, asked: [anchor.asAsked], endpoint: "" };
  await using hidden = await TestPeer.start("peer0.org2", asking);
  await until("the anchor is known", () => knows(hidden, anchor));
  const addresses = (members: readonly PeerMember[]) => members.map(({ endpoint }) => endpoint);
  assert.deepEqual(addresses(anchor.known.localPeers()), [anchor.server.address]);
});
