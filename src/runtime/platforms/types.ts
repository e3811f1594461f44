/**
 * What a chaincode language needs: how its sources become a package, what a package may hold, how it
 * is built and started in a container. Mirrors core/chaincode/platforms. Packaging is used by the
 * command line too, so nothing here may load the Docker client.
 */
import type { ChaincodeSettings } from "../../config/types.ts";
import type { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";

/** A packaged source directory. */
export interface PackagedSource {
  /** What goes into ChaincodeSpec.chaincode_id.path. */
  readonly path: string;
  /** What goes into ChaincodeDeploymentSpec.code_package. */
  readonly codePackage: Uint8Array;
}

/** The builder container's job: the package is unpacked in, the output directory is taken out. */
export interface BuilderJob {
  readonly image: string;
  /** Run by `/bin/sh -c`; reads /chaincode/input, writes /chaincode/output. */
  readonly command: string;
  /** Tar (or gzip tar) unpacked under /chaincode/input. */
  readonly input: Uint8Array;
}

/** Names of images and build switches: the `chaincode.*` keys of core.yaml, variables replaced. */
export type PlatformSettings = Pick<
  ChaincodeSettings,
  "builder" | "pull" | "golang" | "car" | "java" | "node"
>;

/** Where sources are looked for. */
export interface SourceEnvironment {
  /** $GOPATH: directories separated by colons; Go's default is ~/go. */
  readonly gopath: string;
  /** Go's own packages; undefined when no Go is installed, then names without a dot are Go's. */
  readonly goroot: string | undefined;
  /** Told about files that are left out on purpose. */
  warn(message: string): void;
}

export interface Platform {
  readonly type: ChaincodeSpec_Type;
  /** ChaincodeSpec.Type's name: GOLANG, NODE, JAVA, CAR. */
  readonly name: string;
  /** Does the path name sources? @throws DenimError `invalid-path` with Fabric's text */
  validatePath(path: string, environment: SourceEnvironment): void;
  /** May these files be built? @throws DenimError `invalid-code-package` with Fabric's text */
  validateCodePackage(codePackage: Uint8Array): void;
  /** Reads and packages sources. @throws DenimError `packaging-failed` */
  package(path: string, environment: SourceEnvironment): PackagedSource;
  /** META-INF/statedb files as an uncompressed tar. @throws DenimError */
  metadata(codePackage: Uint8Array): Uint8Array;
  /** The Dockerfile's first lines: base image, and where binpackage.tar is unpacked. */
  dockerfile(settings: PlatformSettings): string;
  builderJob(path: string, codePackage: Uint8Array, settings: PlatformSettings): BuilderJob;
  /** The container's command line. */
  command(peerAddress: string): string[];
}
