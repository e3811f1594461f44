/** Organizational units that tell clients, peers, admins and orderers apart. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  type FabricNodeOUs,
  FabricNodeOUsSchema,
  FabricOUIdentifierSchema,
} from "../gen/msp/msp_config_pb.ts";

/** The classes of members; numbers are MSPRole's. Admin and orderer by OU exist from 1.4.3 on. */
export type NodeRole = "client" | "peer" | "admin" | "orderer";

export interface NodeOu {
  readonly name: string;
  /** Undefined: any certification path will do. */
  readonly certifiersIdentifier: Uint8Array | undefined;
}

/** The configured identifiers by role: name and the PEM of the certifier (may be empty). */
export type NodeOuConfig = ReadonlyMap<NodeRole, { name: string; certificate: Uint8Array }>;

const adminField = 4;
const ordererField = 5;

/** Reads 1.4.2's client and peer, and with `withAdminAndOrderer` also the fields that 1.4.3 added. */
export function nodeOuConfig(ous: FabricNodeOUs, withAdminAndOrderer: boolean): NodeOuConfig {
  const found = new Map<NodeRole, { name: string; certificate: Uint8Array }>();
  const take = (
    role: NodeRole,
    one?: { organizationalUnitIdentifier: string; certificate: Uint8Array },
  ) => {
    if (one) {
      found.set(role, { name: one.organizationalUnitIdentifier, certificate: one.certificate });
    }
  };
  take("client", ous.clientOuIdentifier);
  take("peer", ous.peerOuIdentifier);
  if (withAdminAndOrderer) {
    for (const field of ous.$unknown ?? []) {
      const role = field.no === adminField ? "admin" : field.no === ordererField ? "orderer" : null;
      if (role) {
        take(role, fromBinary(FabricOUIdentifierSchema, new BinaryReader(field.data).bytes()));
      }
    }
  }
  return found;
}

/** The message for these identifiers; admin and orderer are left out where they are not given. */
export function nodeOusMessage(enable: boolean, config: NodeOuConfig): FabricNodeOUs {
  const identifier = (role: NodeRole) => {
    const one = config.get(role);
    return one && create(FabricOUIdentifierSchema, {
      certificate: one.certificate,
      organizationalUnitIdentifier: one.name,
    });
  };
  const message = create(FabricNodeOUsSchema, {
    enable,
    clientOuIdentifier: identifier("client"),
    peerOuIdentifier: identifier("peer"),
  });
  const later = [["admin", adminField], ["orderer", ordererField]] as const;
  for (const [role, no] of later) {
    const one = identifier(role);
    if (!one) continue;
    const data = new BinaryWriter().bytes(toBinary(FabricOUIdentifierSchema, one)).finish();
    (message.$unknown ??= []).push({ no, wireType: WireType.LengthDelimited, data });
  }
  return message;
}
