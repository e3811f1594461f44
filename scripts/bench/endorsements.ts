/**
 * Endorsement throughput and latency of running peers, whoever made them: the same proposals, in turns,
 * so that a noisy machine disturbs all alike.
 *
 *     deno task bench --endorse --peer name=…,address=…,msp=…,mspid=…[,tls=…][,pid=…] [--peer …]
 *         [--channel mychannel] [--chaincode asset] [--read '["read","a"]'] [--write '["create","#","ann","1"]']
 *         [--clients 1,8,32] [--seconds 3] [--rounds 3]
 *
 * `#` in an argument becomes a fresh number. The first peer is the one that others are compared with.
 */
import { createProposal, invocationOf, signProposal } from "../../src/protocol/proposal.ts";
import { newNonce } from "../../src/protocol/txid.ts";
import { Endorser } from "../../src/gen/peer/peer_pb.ts";
import type { RpcClient } from "../../src/rpc/types.ts";
import { connect, cpuSeconds, parsePeerTarget, type PeerTarget, wallClock } from "./peer-target.ts";

const warmUpMs = 1_000;

interface Plan {
  readonly channelId: string;
  readonly chaincode: string;
  readonly work: readonly { readonly name: string; readonly args: readonly string[] }[];
  readonly clients: readonly number[];
  readonly seconds: number;
  readonly rounds: number;
  /** A number that no call had before. */
  readonly fresh: () => number;
}

interface Round {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** CPU milliseconds of the peer for one proposal. */
  readonly cpuMs: number | undefined;
}

export async function benchEndorsements(args: readonly string[]): Promise<void> {
  const values = (name: string) => args.flatMap((arg, at) => arg === name ? [args[at + 1]] : []);
  const value = (name: string, preset: string) => values(name)[0] ?? preset;
  const targets = values("--peer").map(parsePeerTarget);
  if (targets.length === 0) throw new Error("--endorse needs at least one --peer");
  let calls = 0;
  const plan: Plan = {
    fresh: () => calls++,
    channelId: value("--channel", "mychannel"),
    chaincode: value("--chaincode", "asset"),
    work: [
      { name: "read", args: JSON.parse(value("--read", '["read","bench"]')) },
      { name: "read+write", args: JSON.parse(value("--write", '["create","#","ann","1"]')) },
    ],
    clients: value("--clients", "1,8,32").split(",").map(Number),
    seconds: Number(value("--seconds", "3")),
    rounds: Number(value("--rounds", "3")),
  };
  await prepare(targets[0], plan);
  console.log(
    `${"".padEnd(28)}${"tx/s".padStart(8)}${"p50 ms".padStart(9)}${"p99 ms".padStart(9)}` +
      `${"CPU ms/tx".padStart(11)}${"ratio".padStart(8)}`,
  );
  for (const { name, args } of plan.work) {
    for (const clients of plan.clients) {
      const rounds = targets.map((): Round[] => []);
      for (let i = 0; i < plan.rounds; i++) {
        for (const [at, target] of targets.entries()) {
          rounds[at].push(await measureRound(target, plan, args, clients));
        }
      }
      const medians = rounds.map(medianRound);
      for (const [at, { perSecond, p50, p99, cpuMs }] of medians.entries()) {
        console.log(
          `${`${name}, ${clients} clients, ${targets[at].name}`.padEnd(28)}` +
            `${perSecond.toFixed(0).padStart(8)}${p50.toFixed(1).padStart(9)}` +
            `${p99.toFixed(1).padStart(9)}${(cpuMs?.toFixed(2) ?? "-").padStart(11)}` +
            `${(perSecond / medians[0].perSecond).toFixed(2).padStart(8)}`,
        );
      }
    }
  }
}

/** Fails early, with the peer's words, where the chaincode or its key is not there. */
async function prepare(target: PeerTarget, plan: Plan): Promise<void> {
  const rpc = connect(target);
  try {
    for (const { args } of plan.work) await proposeOnce(rpc, target, plan, args, 0);
  } finally {
    await rpc.close();
  }
}

async function proposeOnce(
  rpc: RpcClient,
  target: PeerTarget,
  { channelId, chaincode, fresh }: Plan,
  args: readonly string[],
  client: number,
): Promise<void> {
  const number = `${Date.now()}-${client}-${fresh()}`;
  const { proposal } = createProposal({
    channelId,
    invocation: invocationOf(chaincode, args.map((arg) => arg.replaceAll("#", number))),
    creator: target.signer.serialized,
    nonce: newNonce(),
    clock: wallClock,
  });
  const answer = await rpc.unary(
    Endorser.method.processProposal,
    signProposal(proposal, target.signer),
  );
  if (answer.response?.status === 200) return;
  throw new Error(
    `${target.name} answers ${answer.response?.status} to ${JSON.stringify(args)}: ` +
      answer.response?.message,
  );
}

async function measureRound(
  target: PeerTarget,
  plan: Plan,
  args: readonly string[],
  clients: number,
): Promise<Round> {
  const connections = Array.from({ length: clients }, () => connect(target));
  const latencies: number[] = [];
  const began = performance.now();
  const measureFrom = began + warmUpMs;
  const until = measureFrom + plan.seconds * 1_000;
  let cpuBefore: number | undefined;
  const cpuStarted = new Promise<void>((resolve) =>
    setTimeout(() => {
      cpuBefore = cpuSeconds(target.pid);
      resolve();
    }, warmUpMs)
  );
  try {
    await Promise.all(connections.map(async (rpc, client) => {
      for (let now = performance.now(); now < until;) {
        await proposeOnce(rpc, target, plan, args, client);
        const ended = performance.now();
        if (now >= measureFrom) latencies.push(ended - now);
        now = ended;
      }
    }));
    await cpuStarted;
    const cpuAfter = cpuSeconds(target.pid);
    latencies.sort((a, b) => a - b);
    const at = (share: number) => latencies[Math.floor((latencies.length - 1) * share)] ?? 0;
    return {
      perSecond: latencies.length / ((performance.now() - measureFrom) / 1_000),
      p50: at(0.5),
      p99: at(0.99),
      cpuMs: cpuBefore === undefined || cpuAfter === undefined
        ? undefined
        : (cpuAfter - cpuBefore) * 1_000 / latencies.length,
    };
  } finally {
    await Promise.all(connections.map((rpc) => rpc.close()));
  }
}

function medianRound(rounds: readonly Round[]): Round {
  return rounds.toSorted((a, b) => a.perSecond - b.perSecond)[Math.floor(rounds.length / 2)];
}
