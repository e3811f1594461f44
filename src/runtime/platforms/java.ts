/** Chaincode in Java: packaged and built in containers. Mirrors core/chaincode/platforms/java/platform.go. */
import { ChaincodeSpec_Type } from "../../gen/peer/chaincode_pb.ts";
import { checkMode, illegalFile, readCodePackage } from "./code-package.ts";
import { packageFolder } from "./folder.ts";
import { stateMetadata } from "./metadata.ts";
import type { Platform } from "./types.ts";

const allowed = /^\/?src\/((src|META-INF)\/|(build\.gradle|settings\.gradle|pom\.xml))/;

/** The Java platform. */
export const java: Platform = {
  type: ChaincodeSpec_Type.JAVA,
  name: "JAVA",
  validatePath() {},

  validateCodePackage(codePackage) {
    if (codePackage.length === 0) return;
    for (const entry of readCodePackage(codePackage)) {
      if (!allowed.test(entry.name) || entry.name.endsWith(".class")) {
        throw illegalFile(entry.name);
      }
      checkMode(entry);
    }
  },

  package: (path, environment) =>
    packageFolder(path, {
      excludedDirectories: ["target", "build", "out"],
      excludedTypes: [".class"],
    }, environment),

  metadata: stateMetadata,

  dockerfile: (settings) =>
    `FROM ${settings.java.runtime}\nADD binpackage.tar /root/chaincode-java/chaincode`,

  builderJob: (_path, codePackage, settings) => ({
    image: settings.java.runtime,
    command: "./build.sh",
    input: codePackage,
  }),

  command: (peerAddress) => ["/root/chaincode-java/start", "--peerAddress", peerAddress],
};
