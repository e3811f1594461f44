/** A peer under measurement: any program that speaks Fabric's protocols, named by where it is. */
import { readFileSync } from "node:fs";
import type { Clock } from "../../src/base/clock.ts";
import { createEcdsaProvider } from "../../src/crypto/provider.ts";
import { loadSigningIdentity } from "../../src/msp/signing-identity.ts";
import type { SigningIdentity } from "../../src/msp/types.ts";
import { createRpcClient } from "../../src/rpc/client.ts";
import type { RpcClient } from "../../src/rpc/types.ts";

export const wallClock: Clock = { now: () => performance.timeOrigin + performance.now() };

export interface PeerTarget {
  /** What the table calls it. */
  readonly name: string;
  readonly address: string;
  /** PEM of the TLS roots; undefined: plain text. */
  readonly tlsRoots: string | undefined;
  readonly signer: SigningIdentity;
  /** Process whose CPU time and memory are read, where it is on this machine. */
  readonly pid: number | undefined;
}

const usage =
  "--peer name=NAME,address=HOST:PORT,msp=FOLDER,mspid=ID[,tls=ROOTS.pem][,pid=PROCESS]";

/**
 * Reads `name=denim,address=localhost:7051,msp=DIR,mspid=Org1MSP,tls=ca.pem,pid=123`.
 * @throws Error with the form that is expected
 */
export function parsePeerTarget(text: string): PeerTarget {
  const parts = new Map(
    text.split(",").map((part) => {
      const [key, ...value] = part.split("=");
      return [key, value.join("=")];
    }),
  );
  const needed = (key: string): string => {
    const value = parts.get(key);
    if (!value) throw new Error(`--peer ${text}: ${key} is missing; expected ${usage}`);
    return value;
  };
  const tls = parts.get("tls");
  const pid = parts.get("pid");
  return {
    name: needed("name"),
    address: needed("address"),
    tlsRoots: tls === undefined ? undefined : readFileSync(tls, "utf8"),
    signer: loadSigningIdentity(needed("msp"), needed("mspid"), createEcdsaProvider(), {
      clock: wallClock,
    }),
    pid: pid === undefined ? undefined : Number(pid),
  };
}

/** A connection of its own, as one client process has it. */
export function connect(target: PeerTarget): RpcClient {
  return createRpcClient({
    address: target.address,
    tls: target.tlsRoots === undefined ? undefined : { rootCertificates: [target.tlsRoots] },
  });
}

/** Linux counts CPU time in these. */
const clockTicksPerSecond = 100;

/** User and system time of a process so far, in seconds; undefined where it cannot be read. */
export function cpuSeconds(pid: number | undefined): number | undefined {
  if (pid === undefined) return undefined;
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / clockTicksPerSecond;
}

/** Resident memory of a process in megabytes. */
export function residentMegabytes(pid: number | undefined): number | undefined {
  if (pid === undefined) return undefined;
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
}
