/** Debian packages for tests, where the machine lets us: root on Debian or Ubuntu. */
import { existsSync, readFileSync } from "node:fs";

/** Installing from apt may take so long. */
const installTimeoutMs = 5 * 60_000;

/** Whether this user of this machine may install packages with apt. */
export function hasApt(): boolean {
  return Deno.build.os === "linux" && Deno.uid() === 0 && existsSync("/usr/bin/apt-get") &&
    /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync("/etc/os-release", "utf8"));
}

/** Installs packages without what they recommend. @returns undefined, or why it did not succeed */
export async function aptInstall(...packages: string[]): Promise<string | undefined> {
  const apt = async (...args: string[]) =>
    await new Deno.Command("apt-get", {
      args: ["-qq", ...args],
      env: { DEBIAN_FRONTEND: "noninteractive" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(installTimeoutMs),
    }).output();
  const wanted = ["install", "-y", "--no-install-recommends", ...packages];
  let result = await apt(...wanted);
  if (!result.success) {
    await apt("update");
    result = await apt(...wanted);
  }
  if (result.success) return undefined;
  const words = new TextDecoder().decode(result.stderr).trim().split("\n").at(-1);
  return `apt could not install ${packages[0]}: ${words}`;
}
