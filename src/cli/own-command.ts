/** How to start this program once more: from its sources, from the bundle, or compiled. */

/** Flags under which Deno runs the bundle: whatever lies in the working directory is not ours. */
export const bundleFlags = ["-A", "--quiet", "--no-config", "--no-lock", "--no-npm", "--no-remote"];

/** The command that runs this program; its arguments follow. */
export function ownCommand(): string[] {
  if (Deno.build.standalone) return [Deno.execPath()];
  const isBundle = Deno.mainModule.endsWith(".js");
  return [
    Deno.execPath(),
    "run",
    ...(isBundle ? bundleFlags : ["-A", "--no-check"]),
    Deno.mainModule,
  ];
}
