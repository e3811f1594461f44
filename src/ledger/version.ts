/** Heights of writes and their byte form. Mirrors core/ledger/kvledger/txmgmt/version and common/ledger/util. */
import { concat } from "../base/bytes.ts";
import type { Version } from "./types.ts";

/** Both absent, or both the same height. */
export function sameVersion(a: Version | undefined, b: Version | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.blockNumber === b.blockNumber && a.txNumber === b.txNumber;
}

/** As Fabric prints a height in messages; an absent one is `<nil>`. */
export function versionText(version: Version | undefined): string {
  if (version === undefined) return "<nil>";
  return `{BlockNum: ${version.blockNumber}, TxNum: ${version.txNumber}}`;
}

/**
 * A number as length byte and big-endian bytes without leading zeros, so that byte order is number
 * order. Mirrors EncodeOrderPreservingVarUint64.
 */
export function orderPreservingNumber(value: number): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) length++;
  const bytes = new Uint8Array(length + 1);
  bytes[0] = length;
  for (let i = length, rest = value; i > 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest;
  return bytes;
}

/** A height as it enters the commit hash. Mirrors Height.ToBytes. */
export function versionBytes(version: Version): Uint8Array<ArrayBuffer> {
  return concat(
    orderPreservingNumber(version.blockNumber),
    orderPreservingNumber(version.txNumber),
  );
}
