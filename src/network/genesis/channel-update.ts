/** Configuration updates that configtxgen writes: channel creation, anchor peers. */
import { clone, create, toBinary } from "@bufbuild/protobuf";
import type { Clock } from "../../base/clock.ts";
import { DenimError } from "../../base/errors.ts";
import { computeConfigUpdate } from "../../channel/compute-update.ts";
import { signConfigUpdate } from "../../channel/config-signature.ts";
import {
  adminsPolicy,
  anchorPeersKey,
  applicationGroup,
  consortiumKey,
  mspKey,
  readersPolicy,
  writersPolicy,
} from "../../channel/group-names.ts";
import { type Envelope, HeaderType } from "../../gen/common/common_pb.ts";
import { ConsortiumSchema } from "../../gen/common/configuration_pb.ts";
import {
  type ConfigGroup,
  ConfigGroupSchema$,
  ConfigSchema,
  type ConfigUpdate,
  ConfigUpdateEnvelopeSchema,
  ConfigUpdateSchema,
  ConfigValueSchema$,
} from "../../gen/common/configtx_pb.ts";
import { AnchorPeersSchema } from "../../gen/peer/configuration_pb.ts";
import type { SigningIdentity } from "../../msp/types.ts";
import { createSignedEnvelope } from "../../protocol/envelope.ts";
import { newNonce } from "../../protocol/txid.ts";
import { channelGroup } from "./channel-group.ts";
import { anchorPeers } from "./organization-group.ts";
import type { OrganizationProfile, Profile } from "./profile.ts";

/** Who signs an update and when it is made. */
export interface UpdateInput {
  readonly clock: Clock;
  /** Signatures under the update; the last signer signs the envelope too. None makes an unsigned one. */
  readonly signers?: readonly SigningIdentity[];
}

/**
 * The update that asks an orderer to create a channel: the members of a consortium, with policies
 * and values of the application group. Mirrors NewChannelCreateConfigUpdate with the default
 * template.
 * @throws DenimError `invalid-profile`
 */
export function channelCreationUpdate(channelId: string, profile: Profile): ConfigUpdate {
  if (profile.application === undefined) {
    throw invalid("cannot define a new channel with no Application section");
  }
  if (!profile.consortium) {
    throw invalid("cannot define a new channel with no Consortium value");
  }
  const wanted = channelGroup(profile);
  // Everything but the application group's own values and policies is taken from the template.
  const template = clone(ConfigGroupSchema$, wanted);
  template.groups[applicationGroup].values = {};
  template.groups[applicationGroup].policies = {};
  const update = computeConfigUpdate(
    channelId,
    create(ConfigSchema, { channelGroup: template }),
    create(ConfigSchema, { channelGroup: wanted }),
  );
  if (update.readSet && update.writeSet) {
    update.readSet.values[consortiumKey] = create(ConfigValueSchema$);
    update.writeSet.values[consortiumKey] = create(ConfigValueSchema$, {
      value: toBinary(
        ConsortiumSchema,
        create(ConsortiumSchema, { name: profile.consortium }),
      ),
    });
  }
  return update;
}

/** The channel creation as an envelope, what `peer channel create -f` takes. @throws DenimError `invalid-profile` */
export function channelCreation(channelId: string, profile: Profile, input: UpdateInput): Envelope {
  return updateEnvelope(channelCreationUpdate(channelId, profile), input);
}

/**
 * The update that announces an organisation's anchor peers on a channel where it has none yet.
 * Mirrors doOutputAnchorPeersUpdate of configtxgen.
 */
export function anchorPeerUpdate(
  channelId: string,
  organization: OrganizationProfile,
): ConfigUpdate {
  const member = (version: bigint, modPolicy: string): ConfigGroup =>
    create(ConfigGroupSchema$, {
      version,
      modPolicy,
      values: { [mspKey]: {} },
      policies: { [readersPolicy]: {}, [writersPolicy]: {}, [adminsPolicy]: {} },
    });
  const root = (group: ConfigGroup): ConfigGroup =>
    create(ConfigGroupSchema$, {
      groups: {
        [applicationGroup]: {
          version: 1n,
          modPolicy: adminsPolicy,
          groups: { [organization.name]: group },
        },
      },
    });
  const changed = member(1n, adminsPolicy);
  changed.values[anchorPeersKey] = create(ConfigValueSchema$, {
    value: toBinary(AnchorPeersSchema, anchorPeers(organization)),
    modPolicy: adminsPolicy,
  });
  return create(ConfigUpdateSchema, {
    channelId,
    readSet: root(member(0n, "")),
    writeSet: root(changed),
  });
}

/** A CONFIG_UPDATE envelope around an update. */
export function updateEnvelope(update: ConfigUpdate, input: UpdateInput): Envelope {
  const { signers = [], clock } = input;
  let signed = create(ConfigUpdateEnvelopeSchema, {
    configUpdate: toBinary(ConfigUpdateSchema, update),
  });
  for (const signer of signers) signed = signConfigUpdate(signed, signer);
  return createSignedEnvelope({
    type: HeaderType.CONFIG_UPDATE,
    channelId: update.channelId,
    data: toBinary(ConfigUpdateEnvelopeSchema, signed),
    clock,
    signer: signers.at(-1),
    nonce: newNonce(),
  });
}

function invalid(message: string): DenimError<"invalid-profile"> {
  return new DenimError("invalid-profile", message);
}
