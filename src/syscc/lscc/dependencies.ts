/** What lscc needs from the peer around it. */
import type { IdentityDeserializer } from "../../msp/types.ts";
import type { AclProvider } from "../../channel/types.ts";
import type { InstalledPackageInfo } from "../../chaincode/types.ts";
import type { ChaincodePackage } from "../../chaincode/package/chaincode-package.ts";
import type { StateDatabaseFile } from "../../chaincode/package/code-package.ts";
import type { SignaturePolicyEnvelope } from "../../gen/common/policies_pb.ts";
import type { Policy } from "../../policy/types.ts";
import type { ChannelAccess } from "../types.ts";

/** The packages on this peer. */
export interface InstalledPackages {
  install(name: string, version: string, packageBytes: Uint8Array): void;
  load(name: string, version: string): ChaincodePackage;
  list(): InstalledPackageInfo[];
}

/** Compiles signature policies against the identities of a channel. */
export type SignaturePolicyCompiler = (
  policy: SignaturePolicyEnvelope,
  identities: IdentityDeserializer,
) => Policy;

export interface LsccDependencies {
  readonly channels: Pick<ChannelAccess, "bundle">;
  readonly packages: InstalledPackages;
  /** Resources of no channel (`lscc/Install`, …) are asked with channel "". */
  readonly acl: AclProvider;
  /** @throws DenimError with Fabric's reason where the policy cannot be evaluated */
  readonly compilePolicy: SignaturePolicyCompiler;
  readonly isSystemChaincode: (name: string) => boolean;
  /** Called after an install; what it does must not take the caller's time. */
  readonly onInstalled?: (
    installed: ChaincodePackage,
    stateDatabaseFiles: readonly StateDatabaseFile[],
  ) => void;
}
