/** Everything that is access-controlled, with its default. Mirrors core/aclmgmt of 1.4.2. */
import { applicationReadersPath, applicationWritersPath } from "./group-names.ts";

/** Policies of the local MSP for what belongs to no channel. */
export type LocalMspPolicy = "Admins" | "Members";

/** Default policy of each resource on a channel. `lscc/Deploy` and `lscc/Upgrade` are covered by `peer/Propose`. */
export const channelResourcePolicies: ReadonlyMap<string, string> = new Map([
  ["lscc/ChaincodeExists", applicationReadersPath],
  ["lscc/GetDeploymentSpec", applicationReadersPath],
  ["lscc/GetChaincodeData", applicationReadersPath],
  ["lscc/GetInstantiatedChaincodes", applicationReadersPath],
  ["lscc/GetCollectionsConfig", applicationReadersPath],
  ["qscc/GetChainInfo", applicationReadersPath],
  ["qscc/GetBlockByNumber", applicationReadersPath],
  ["qscc/GetBlockByHash", applicationReadersPath],
  ["qscc/GetTransactionByID", applicationReadersPath],
  ["qscc/GetBlockByTxID", applicationReadersPath],
  ["cscc/GetConfigBlock", applicationReadersPath],
  ["cscc/GetConfigTree", applicationReadersPath],
  ["cscc/SimulateConfigTreeUpdate", applicationWritersPath],
  ["peer/Propose", applicationWritersPath],
  ["peer/ChaincodeToChaincode", applicationWritersPath],
  ["token/Issue", applicationWritersPath],
  ["token/Transfer", applicationWritersPath],
  ["token/List", applicationReadersPath],
  ["event/Block", applicationReadersPath],
  ["event/FilteredBlock", applicationReadersPath],
  ["gateway/CommitStatus", applicationReadersPath],
  ["gateway/ChaincodeEvents", applicationReadersPath],
]);

/** What the system chaincodes ask of the local MSP for resources without a channel. */
export const localResourcePolicies: ReadonlyMap<string, LocalMspPolicy> = new Map([
  ["lscc/Install", "Admins"],
  ["lscc/GetInstalledChaincodes", "Admins"],
  ["cscc/JoinChain", "Admins"],
  ["cscc/GetChannels", "Members"],
]);
