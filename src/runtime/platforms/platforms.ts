/** The platforms by type, and what is common to all. Mirrors core/chaincode/platforms/platforms.go. */
import { DenimError } from "../../base/errors.ts";
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import { car } from "./car.ts";
import { golang } from "./golang.ts";
import { java } from "./java.ts";
import { node } from "./node.ts";
import type { Platform, PlatformSettings, SourceEnvironment } from "./types.ts";

/** The platform of a chaincode type. @throws DenimError `unknown-platform` with Fabric's text */
export function platformOf(type: ChaincodeSpec_Type): Platform {
  switch (type) {
    case ChaincodeSpec_Type.GOLANG:
      return golang;
    case ChaincodeSpec_Type.NODE:
      return node;
    case ChaincodeSpec_Type.JAVA:
      return java;
    case ChaincodeSpec_Type.CAR:
      return car;
    default:
      throw new DenimError(
        "unknown-platform",
        `Unknown chaincodeType: ${ChaincodeSpec_Type[type] ?? type}`,
        { type },
        "Known are golang, node, java and car.",
      );
  }
}

/** Versions as Fabric writes them into labels. */
export const dockerVersions = { project: "1.4.2", base: "0.4.15" } as const;

/**
 * The Dockerfile of a chaincode image: platform lines, labels, build level; no newline at the end.
 * @param more labels beside Fabric's
 */
export function generateDockerfile(
  platform: Platform,
  name: string,
  version: string,
  settings: PlatformSettings,
  more: Readonly<Record<string, string>> = {},
): string {
  return [
    platform.dockerfile(settings),
    labelInstruction(platform, name, version, more),
    `ENV CORE_CHAINCODE_BUILDLEVEL=${dockerVersions.project}`,
  ].join("\n");
}

/** The instruction of it that tells what the image is. */
export function labelInstruction(
  platform: Platform,
  name: string,
  version: string,
  more: Readonly<Record<string, string>> = {},
): string {
  const label = "org.hyperledger.fabric";
  return "LABEL " + [
    `${label}.chaincode.id.name="${name}"`,
    `${label}.chaincode.id.version="${version}"`,
    `${label}.chaincode.type="${platform.name}"`,
    `${label}.version="${dockerVersions.project}"`,
    `${label}.base.version="${dockerVersions.base}"`,
    ...Object.entries(more).map(([name, value]) =>
      `${name}=${JSON.stringify(value).replaceAll("$", "\\$")}`
    ),
  ].join(" \\\n      ");
}

/** GOPATH and GOROOT of this process, as Go itself would default them. */
export function sourceEnvironment(warn: (message: string) => void): SourceEnvironment {
  const home = Deno.env.get("HOME") ?? "/";
  const goroot = Deno.env.get("GOROOT") ?? "/usr/local/go";
  return {
    gopath: Deno.env.get("GOPATH") || `${home}/go`,
    goroot: isGoroot(goroot) ? goroot : undefined,
    warn,
  };
}

function isGoroot(directory: string): boolean {
  try {
    return Deno.statSync(`${directory}/src/fmt`).isDirectory;
  } catch {
    return false;
  }
}
