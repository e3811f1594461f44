/** Names of groups, values and policies of a channel configuration. Mirrors common/channelconfig. */

/** Path of the root group. */
export const rootGroup = "Channel";
export const applicationGroup = "Application";
export const ordererGroup = "Orderer";
export const consortiumsGroup = "Consortiums";

export const capabilitiesKey = "Capabilities";
export const mspKey = "MSP";
export const aclsKey = "ACLs";
export const endpointsKey = "Endpoints";
export const anchorPeersKey = "AnchorPeers";
export const consortiumKey = "Consortium";
export const channelCreationPolicyKey = "ChannelCreationPolicy";

export const readersPolicy = "Readers";
export const writersPolicy = "Writers";
export const adminsPolicy = "Admins";
export const blockValidationPolicy = "BlockValidation";

export const applicationReadersPath = "/Channel/Application/Readers";
export const applicationWritersPath = "/Channel/Application/Writers";
export const blockValidationPath = "/Channel/Orderer/BlockValidation";
export const ordererAdminsPath = "/Channel/Orderer/Admins";
