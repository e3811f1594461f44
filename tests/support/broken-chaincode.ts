/** JavaScript chaincode that does not come up, each for another reason. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const start = { scripts: { start: "node main.js" } };

const sources = {
  exits: [start, 'console.error("cannot find the settings"); process.exit(3);'],
  killed: [start, 'console.log("so long"); process.kill(process.pid, "SIGKILL");'],
  silent: [start, 'console.log("thinking"); setInterval(() => {}, 1000);'],
  syntax: [start, "const x = ;"],
  nomodule: [start, 'require("denim-test-not-declared");'],
  nodependency: [
    { ...start, dependencies: { "denim-test-no-such-package": "1.0.0" } },
    'require("denim-test-no-such-package");',
  ],
  nostart: [{ name: "nostart" }, ""],
} as const satisfies Record<string, readonly [object, string]>;

export type BrokenChaincode = keyof typeof sources;

/** Writes the sources below `directory`. @returns their directory */
export function brokenChaincode(directory: string, name: BrokenChaincode): string {
  const [manifest, code] = sources[name];
  const path = join(directory, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(
    join(path, "package.json"),
    JSON.stringify({ name, version: "1.0.0", ...manifest }),
  );
  writeFileSync(join(path, "main.js"), code);
  return path;
}
