/** `chaincode prune`: makes room by removing what no installed or running chaincode uses. Denim's own. */
import type { CommandHandler } from "../command.ts";
import { noArguments } from "../channel/session.ts";
import { withControl } from "./control.ts";

export const prune: CommandHandler = async (invocation) => {
  noArguments(invocation);
  const { items, reclaimedBytes } = await withControl(invocation, (control) => control.prune());
  for (const { kind, name } of items) invocation.terminal.out(`${kind.padEnd(9)} ${name}\n`);
  invocation.terminal.out(`Total reclaimed space: ${sizeText(Number(reclaimedBytes))}\n`);
};

/** `0B`, `1.5kB`, `12MB`: decimal units, as Docker counts them. */
export function sizeText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let size = bytes;
  while (size >= 1_000 && unit < units.length - 1) {
    size /= 1_000;
    unit++;
  }
  return `${unit === 0 || size >= 10 ? Math.round(size) : size.toFixed(1)}${units[unit]}`;
}
