/** A second network on this machine, which a test can cut off: a namespace and a cable into it. */

/** Why no namespace can be made here; undefined where one can. */
export function noNamespaces(): string | undefined {
  if (Deno.build.os !== "linux") return "only Linux has network namespaces";
  if (Deno.uid() !== 0) return "only root may make network namespaces";
  const name = `denim-probe-${Deno.pid}`;
  try {
    if (!ip("netns", "add", name)) return "this machine does not let us make network namespaces";
    const cable = ip("link", "add", `p${Deno.pid}a`, "type", "veth", "peer", `p${Deno.pid}b`);
    ip("link", "del", `p${Deno.pid}a`);
    return cable ? undefined : "this machine does not let us make a pair of network interfaces";
  } catch {
    return "there is no ip command (package iproute2)";
  } finally {
    try {
      ip("netns", "del", name);
    } catch { /* there was none */ }
  }
}

function ip(...args: string[]): boolean {
  const { success } = new Deno.Command("ip", { args, stdout: "null", stderr: "null" })
    .outputSync();
  return success;
}

function must(...args: string[]): void {
  if (!ip(...args)) throw new Error(`ip ${args.join(" ")} failed`);
}

/** A namespace with one address that this side can reach. Removed at the end, with what runs in it. */
export class NetworkNamespace implements Disposable {
  readonly name = `denim-${Deno.pid}`;
  readonly #cable = `dn${Deno.pid}`;
  /** Of private use, and in no use on machines that run Docker or a cloud's defaults. */
  readonly #subnet = `10.${200 + Deno.pid % 50}.${Math.floor(Deno.pid / 50) % 250}`;
  readonly address = `${this.#subnet}.2`;

  constructor() {
    const far = `${this.#cable}x`;
    must("netns", "add", this.name);
    try {
      must("link", "add", this.#cable, "type", "veth", "peer", "name", far);
      must("link", "set", far, "netns", this.name);
      must("addr", "add", `${this.#subnet}.1/24`, "dev", this.#cable);
      must("link", "set", this.#cable, "up");
      must("-n", this.name, "addr", "add", `${this.address}/24`, "dev", far);
      must("-n", this.name, "link", "set", far, "up");
      must("-n", this.name, "link", "set", "lo", "up");
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** A command that runs inside. */
  command(program: string, args: readonly string[]): { program: string; args: string[] } {
    return { program: "ip", args: ["netns", "exec", this.name, program, ...args] };
  }

  /** Packets vanish in both directions, and nobody is told: the far end of the cable is pulled out. */
  cut(): void {
    must("-n", this.name, "link", "set", `${this.#cable}x`, "down");
  }

  heal(): void {
    must("-n", this.name, "link", "set", `${this.#cable}x`, "up");
  }

  [Symbol.dispose](): void {
    ip("link", "del", this.#cable);
    ip("netns", "del", this.name);
  }
}
