/** Docker's credential helpers: programs that know a registry's password. */
import type { CredentialHelper, Environment } from "./docker-config.ts";

/** A helper may ask the user's key ring; longer than this nobody waits. */
const helperTimeoutMs = 30_000;

/** Runs `docker-credential-<helper> get` with the peer's environment. It throws an Error with what it said. */
export function credentialHelper(environment: Environment): CredentialHelper {
  const env = Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const]
    ),
  );
  return async (helper, server) => {
    // The name comes from a file, and becomes a program.
    if (!/^[\w.-]+$/.test(helper)) throw new Error(`"${helper}" is not the name of a helper`);
    const child = new Deno.Command(`docker-credential-${helper}`, {
      args: ["get"],
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(helperTimeoutMs),
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(server));
    await writer.close();
    const { success, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    const said = decoder.decode(stdout);
    if (!success) throw new Error((said + decoder.decode(stderr)).trim() || "it failed");
    return said;
  };
}
