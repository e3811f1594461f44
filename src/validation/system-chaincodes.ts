/**
 * Which names are system chaincodes, and who may invoke them. Every peer of 1.4.2 has the same
 * set, and validity depends on it. Mirrors core/scc/sccproviderimpl.go.
 */

interface SystemChaincodeRules {
  readonly invokableExternally: boolean;
  readonly invokableByChaincode: boolean;
}

const rules: ReadonlyMap<string, SystemChaincodeRules> = new Map([
  ["lscc", { invokableExternally: true, invokableByChaincode: true }],
  ["cscc", { invokableExternally: true, invokableByChaincode: false }],
  ["qscc", { invokableExternally: true, invokableByChaincode: true }],
  ["+lifecycle", { invokableExternally: true, invokableByChaincode: true }],
  // Plugins since 1.2; their old names stay reserved.
  ["escc", { invokableExternally: false, invokableByChaincode: false }],
  ["vscc", { invokableExternally: false, invokableByChaincode: false }],
]);

/** Names that lscc validation keeps user chaincode from taking. */
export const reservedChaincodeNames: ReadonlySet<string> = new Set([
  "cscc",
  "escc",
  "lscc",
  "qscc",
  "vscc",
]);

/** The version system chaincodes have in 1.4.2; validation never compares it. */
export const systemChaincodeVersion = "1.4.2";

export function isSystemChaincode(name: string): boolean {
  return rules.has(name);
}

/** A system chaincode that no proposal may name. */
export function isHiddenFromProposals(name: string): boolean {
  return rules.get(name)?.invokableExternally === false;
}

/** A system chaincode that no chaincode may call. */
export function isHiddenFromChaincodes(name: string): boolean {
  return rules.get(name)?.invokableByChaincode === false;
}
