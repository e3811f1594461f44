/**
 * The lifecycle system chaincode: its functions, their spellings, arguments and access checks.
 * Mirrors Invoke in core/scc/lscc/lscc.go of Fabric 1.4.2.
 */
import { text, utf8 } from "../../base/bytes.ts";
import { ChaincodeDeploymentSpecSchema } from "../../gen/peer/chaincode_pb.ts";
import type { Response } from "../../gen/peer/proposal_response_pb.ts";
import { decode } from "../../protocol/decode.ts";
import { answering, callerOf, checkAccess, refused, success } from "../response.ts";
import type { SystemChaincode, SystemChaincodeCall } from "../types.ts";
import { anyMemberPolicy } from "./default-policies.ts";
import { definitionFrom, deploy, type Deployment, upgrade } from "./deploy.ts";
import type { LsccDependencies } from "./dependencies.ts";
import { install } from "./install.ts";
import {
  collectionsOf,
  definitionBytes,
  installedChaincodes,
  instantiatedChaincodes,
  packageFor,
} from "./queries.ts";
import { LsccState } from "./state.ts";

type LsccFunction = (call: SystemChaincodeCall, name: string) => Response;

export class Lscc implements SystemChaincode {
  readonly name = "lscc";
  readonly invokableExternally = true;
  readonly invokableByChaincode = true;
  readonly #dependencies: LsccDependencies;
  readonly #functions: ReadonlyMap<string, LsccFunction>;

  constructor(dependencies: LsccDependencies) {
    this.#dependencies = dependencies;
    const exists = this.#about("lscc/ChaincodeExists", (name, definition) => {
      return utf8(definitionFrom(name, definition).name);
    });
    const deploymentSpec = this.#about("lscc/GetDeploymentSpec", (name, definition) => {
      return packageFor(name, definition, dependencies.packages).deploymentSpecBytes;
    });
    const data = this.#about("lscc/GetChaincodeData", (_, definition) => definition);
    const instantiated: LsccFunction = (call, name) => this.#instantiated(call, name);
    const installed: LsccFunction = (call, name) => this.#installed(call, name);
    const collections: LsccFunction = (call, name) => this.#collections(call, name);
    this.#functions = new Map<string, LsccFunction>([
      ["install", (call, name) => this.#install(call, name)],
      ["deploy", (call) => this.#deploy(call, deploy)],
      ["upgrade", (call) => this.#deploy(call, upgrade)],
      ["getid", exists],
      ["ChaincodeExists", exists],
      ["getdepspec", deploymentSpec],
      ["GetDeploymentSpec", deploymentSpec],
      ["getccdata", data],
      ["GetChaincodeData", data],
      ["getchaincodes", instantiated],
      ["GetChaincodes", instantiated],
      ["getinstalledchaincodes", installed],
      ["GetInstalledChaincodes", installed],
      ["GetCollectionsConfig", collections],
      ["getcollectionsconfig", collections],
    ]);
  }

  invoke(call: SystemChaincodeCall): Promise<Response> {
    return answering(() => {
      if (call.args.length < 1) throw wrongCount(call);
      const name = text(call.args[0]);
      const run = this.#functions.get(name);
      if (run === undefined) {
        throw refused("unknown-function", `invalid function to lscc: ${name}`);
      }
      return run(call, name);
    });
  }

  #install(call: SystemChaincodeCall, name: string): Response {
    if (call.args.length < 2) throw wrongCount(call);
    this.#checkLocal("lscc/Install", call, name);
    install(call.args[1], this.#dependencies);
    return success(utf8("OK"));
  }

  #deploy(call: SystemChaincodeCall, run: typeof deploy): Response {
    return success(run(call, this.#deploymentOf(call), this.#dependencies));
  }

  /** Arguments 3 to 6: endorsement policy, escc, vscc, collections; each may be empty or absent. */
  #deploymentOf({ args }: SystemChaincodeCall): Deployment {
    if (args.length < 3) throw wrongCount({ args });
    const channelId = text(args[1]);
    if (channelId === "") throw refused("invalid-channel", `invalid channel name: ${channelId}`);
    const bundle = this.#dependencies.channels.bundle(channelId);
    if (bundle === undefined) {
      // Fabric panics here.
      throw refused(
        "invalid-channel",
        `non-existent application config for channel '${channelId}'`,
      );
    }
    const { privateChannelData } = bundle.capabilities;
    if (!privateChannelData && args.length > 6) {
      throw refused(
        "no-private-data",
        "as V1_2 or later capability is not enabled, private channel collections and data are not available",
      );
    }
    if (args.length > 7) throw wrongCount({ args });
    const given = (index: number) => args[index]?.length > 0 ? args[index] : undefined;
    return {
      spec: decode(ChaincodeDeploymentSpecSchema, args[2]),
      bundle,
      policy: given(3) ?? anyMemberPolicy(bundle),
      escc: text(given(4) ?? utf8("escc")),
      vscc: text(given(5) ?? utf8("vscc")),
      collections: privateChannelData ? args[6] : undefined,
    };
  }

  /** A function of channel and chaincode name that looks at the chaincode's definition. */
  #about(
    resource: string,
    answer: (chaincode: string, definition: Uint8Array) => Uint8Array,
  ): LsccFunction {
    return (call, name) => {
      if (call.args.length !== 3) throw wrongCount(call);
      const channelId = text(call.args[1]);
      const chaincode = text(call.args[2]);
      checkAccess(`access denied for [${name}][${channelId}]`, () => {
        this.#dependencies.acl.check(resource, channelId, callerOf(call));
      });
      return success(answer(chaincode, definitionBytes(new LsccState(call), chaincode)));
    };
  }

  #instantiated(call: SystemChaincodeCall, name: string): Response {
    if (call.args.length !== 1) throw wrongCount(call);
    checkAccess(`access denied for [${name}][${call.channelId}]`, () => {
      const caller = callerOf(call);
      this.#dependencies.acl.check("lscc/GetInstantiatedChaincodes", call.channelId, caller);
    });
    return success(instantiatedChaincodes(new LsccState(call), this.#dependencies.packages));
  }

  #installed(call: SystemChaincodeCall, name: string): Response {
    if (call.args.length !== 1) throw wrongCount(call);
    this.#checkLocal("lscc/GetInstalledChaincodes", call, name);
    return success(installedChaincodes(this.#dependencies.packages));
  }

  #collections(call: SystemChaincodeCall, name: string): Response {
    if (call.args.length !== 2) throw wrongCount(call);
    checkAccess(`access denied for [${name}]`, () => {
      const caller = callerOf(call);
      this.#dependencies.acl.check("lscc/GetCollectionsConfig", call.channelId, caller);
    });
    return success(collectionsOf(new LsccState(call), text(call.args[1])));
  }

  /** Resources of the peer rather than of a channel: administrators of the peer's own organisation. */
  #checkLocal(resource: string, call: SystemChaincodeCall, name: string): void {
    checkAccess(`access denied for [${name}]`, () => {
      this.#dependencies.acl.check(resource, "", callerOf(call));
    });
  }
}

function wrongCount({ args }: Pick<SystemChaincodeCall, "args">) {
  return refused("wrong-arguments", `invalid number of arguments to lscc: ${args.length}`);
}
