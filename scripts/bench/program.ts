/** denim as a program under measurement. */
import { join } from "node:path";

export class Program {
  constructor(private readonly command: readonly string[]) {}

  /** Runs to the end. @throws Error with what it printed when it fails */
  async run(
    args: readonly string[],
    cwd: string,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const [program, ...first] = this.command;
    const { success, stdout, stderr } = await new Deno.Command(program, {
      args: [...first, ...args],
      cwd,
      env: { ...environment },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    const decoder = new TextDecoder();
    if (success) return decoder.decode(stdout);
    throw new Error(`denim ${args.join(" ")}:\n${decoder.decode(stderr)}${decoder.decode(stdout)}`);
  }

  /** Starts a command that goes on; stdout is piped, and stderr where it has an environment. */
  spawn(
    args: readonly string[],
    cwd: string,
    environment?: Readonly<Record<string, string>>,
  ): Deno.ChildProcess {
    const [program, ...first] = this.command;
    return new Deno.Command(program, {
      args: [...first, ...args],
      cwd,
      stdin: "null",
      env: { ...environment },
      stdout: "piped",
      stderr: environment === undefined ? "inherit" : "piped",
    }).spawn();
  }

  /** Wall time in milliseconds. */
  async timed(args: readonly string[], cwd: string): Promise<number> {
    const began = performance.now();
    await this.run(args, cwd);
    return performance.now() - began;
  }

  /** Resident memory of the network started in `directory`. */
  async networkMemoryMegabytes(directory: string): Promise<number> {
    const { pid } = JSON.parse(await Deno.readTextFile(join(directory, ".denim", "network.json")));
    const status = await Deno.readTextFile(`/proc/${pid}/status`);
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
  }
}
