/** An MSP's configuration message from its directory. Mirrors msp/configbuilder.go. */
import { create, toBinary } from "@bufbuild/protobuf";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../base/errors.ts";
import {
  FabricMSPConfigSchema,
  type FabricNodeOUs,
  type FabricOUIdentifier,
  FabricOUIdentifierSchema,
  IdemixMSPConfigSchema,
  type MSPConfig,
  MSPConfigSchema,
} from "../gen/msp/msp_config_pb.ts";
import { mspType } from "./create-msp.ts";
import { mspFolder, readMspFile, readPemFolder, requirePemFolder } from "./directory.ts";
import { mspError } from "./msp-error.ts";
import { nodeOusMessage, type NodeRole } from "./node-ous.ts";

export interface LoadMspConfigOptions {
  /** Add the signing certificate, as a node's own MSP has it. Default false: for verification only. */
  readonly signing?: boolean;
}

/** Keys of config.yaml. */
const nodeOuKeys: Readonly<Record<NodeRole, string>> = {
  client: "ClientOUIdentifier",
  peer: "PeerOUIdentifier",
  admin: "AdminOUIdentifier",
  orderer: "OrdererOUIdentifier",
};

type Yaml = Readonly<Record<string, unknown>>;

function mapping(value: unknown): Yaml | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Yaml
    : undefined;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/**
 * Reads cacerts, admincerts, intermediatecerts, crls, tlscacerts, tlsintermediatecerts and
 * config.yaml (and signcerts with `signing`).
 * @throws DenimError `bad-msp-directory` naming the file or folder
 */
export async function loadMspConfig(
  directory: string,
  mspId: string,
  options: LoadMspConfigOptions = {},
): Promise<MSPConfig> {
  const pems = (folder: string) =>
    (readPemFolder(join(directory, folder)) ?? []).map(({ bytes }) => bytes);
  const signer = options.signing
    ? requirePemFolder(directory, mspFolder.signCerts, "signer certificate")[0].bytes
    : undefined;
  const rootCerts = requirePemFolder(directory, mspFolder.caCerts, "ca certificate");
  const accessory = await readConfigFile(directory);
  // From 1.4.3 on administrators may be told by organizational unit alone.
  const admins = accessory.hasAdminOu
    ? pems(mspFolder.adminCerts)
    : requirePemFolder(directory, mspFolder.adminCerts, "admin certificate")
      .map(({ bytes }) => bytes);
  const tlsRootCerts = pems(mspFolder.tlsCaCerts);
  const settings = create(FabricMSPConfigSchema, {
    name: mspId,
    rootCerts: rootCerts.map(({ bytes }) => bytes),
    intermediateCerts: pems(mspFolder.intermediateCerts),
    admins,
    revocationList: pems(mspFolder.crls),
    signingIdentity: signer && { publicSigner: signer },
    organizationalUnitIdentifiers: accessory.units,
    cryptoConfig: { signatureHashFamily: "SHA2", identityIdentifierHashFunction: "SHA256" },
    tlsRootCerts,
    tlsIntermediateCerts: tlsRootCerts.length > 0 ? pems(mspFolder.tlsIntermediateCerts) : [],
    fabricNodeOus: accessory.nodeOus,
  });
  return create(MSPConfigSchema, {
    type: mspType.fabric,
    config: toBinary(FabricMSPConfigSchema, settings),
  });
}

interface Accessory {
  readonly units: FabricOUIdentifier[];
  readonly nodeOus: FabricNodeOUs | undefined;
  readonly hasAdminOu: boolean;
}

async function readConfigFile(directory: string): Promise<Accessory> {
  const path = join(directory, mspFolder.config);
  if (!existsSync(path)) return { units: [], nodeOus: undefined, hasAdminOu: false };
  const source = new TextDecoder().decode(readMspFile(path));
  const { parse } = await import("yaml");
  let root: Yaml;
  try {
    root = mapping(parse(source)) ?? {};
  } catch (thrown) {
    throw mspError(
      "bad-msp-directory",
      `failed unmarshalling configuration file at [${path}]: ${messageOf(thrown)}`,
      { path },
    );
  }
  const listed = root.OrganizationalUnitIdentifiers;
  const units = (Array.isArray(listed) ? listed : []).map((entry) => {
    const unit = mapping(entry) ?? {};
    return create(FabricOUIdentifierSchema, {
      certificate: readMspFile(join(directory, textOf(unit.Certificate))),
      organizationalUnitIdentifier: textOf(unit.OrganizationalUnitIdentifier),
    });
  });
  const nodes = mapping(root.NodeOUs);
  if (nodes?.Enable !== true) return { units, nodeOus: undefined, hasAdminOu: false };
  const found = new Map<NodeRole, { name: string; certificate: Uint8Array }>();
  for (const [role, key] of Object.entries(nodeOuKeys) as [NodeRole, string][]) {
    const identifier = mapping(nodes[key]);
    const name = textOf(identifier?.OrganizationalUnitIdentifier);
    if (name === "") {
      if (role === "admin" || role === "orderer") continue;
      const label = role === "client" ? "ClientOU" : "PeerOU";
      throw mspError(
        "bad-msp-directory",
        `Failed loading NodeOUs. ${label} must be different from nil.`,
        { path },
        `Set NodeOUs.${key}.OrganizationalUnitIdentifier in ${path}.`,
      );
    }
    // A certifier that cannot be read leaves the unit open to every path, as in Fabric.
    const certifier = textOf(identifier?.Certificate);
    const file = join(directory, certifier);
    const certificate = certifier !== "" && existsSync(file)
      ? readMspFile(file)
      : new Uint8Array(0);
    found.set(role, { name, certificate });
  }
  return { units, nodeOus: nodeOusMessage(true, found), hasAdminOu: found.has("admin") };
}

/** The configuration of an Idemix MSP directory, so that its organization is at least known by name. */
export function loadIdemixMspConfig(directory: string, mspId: string): MSPConfig {
  const settings = create(IdemixMSPConfigSchema, {
    name: mspId,
    ipk: readMspFile(join(directory, "msp", "IssuerPublicKey")),
    revocationPk: readMspFile(join(directory, "msp", "RevocationPublicKey")),
  });
  return create(MSPConfigSchema, {
    type: mspType.idemix,
    config: toBinary(IdemixMSPConfigSchema, settings),
  });
}
