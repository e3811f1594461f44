/**
 * Which version is current and which policy endorsements of a chaincode must satisfy, read from
 * lscc's state once per block. Mirrors GetInfoForValidate of txvalidator/vscc_validator.go.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { messageOf } from "../base/errors.ts";
import { SignaturePolicyEnvelopeSchema } from "../gen/common/policies_pb.ts";
import {
  MSPPrincipal_Classification,
  MSPRole_MSPRoleType,
  MSPRoleSchema,
} from "../gen/msp/msp_principal_pb.ts";
import type { QueryExecutor } from "../ledger/types.ts";
import { type ChaincodeData, decodeChaincodeData } from "../protocol/chaincode-data.ts";
import { isSystemChaincode, systemChaincodeVersion } from "./system-chaincodes.ts";

export interface ChaincodeRules {
  readonly version: string;
  /** Name of the validation plugin. */
  readonly vscc: string;
  readonly policy: Uint8Array;
}

/** Serialized policy: one signature of any member of these MSPs. Mirrors cauthdsl SignedByAnyMember. */
export function anyMemberPolicy(mspIds: readonly string[]): Uint8Array {
  const sorted = [...mspIds].sort();
  return toBinary(
    SignaturePolicyEnvelopeSchema,
    create(SignaturePolicyEnvelopeSchema, {
      rule: {
        Type: {
          case: "nOutOf",
          value: {
            n: 1,
            rules: sorted.map((_, index) => ({
              Type: { case: "signedBy" as const, value: index },
            })),
          },
        },
      },
      identities: sorted.map((mspIdentifier) => ({
        principalClassification: MSPPrincipal_Classification.ROLE,
        principal: toBinary(
          MSPRoleSchema,
          create(MSPRoleSchema, { mspIdentifier, role: MSPRole_MSPRoleType.MEMBER }),
        ),
      })),
    }),
  );
}

/** Look-ups of one block; the state does not change while a block is validated. */
export class ChaincodeRulebook {
  readonly #known = new Map<string, ChaincodeRules | string>();
  readonly #systemRules: ChaincodeRules;

  constructor(private readonly state: QueryExecutor, applicationMspIds: readonly string[]) {
    this.#systemRules = {
      version: systemChaincodeVersion,
      vscc: "vscc",
      policy: anyMemberPolicy(applicationMspIds),
    };
  }

  /** The rules, or why there are none. @throws DenimError where state could not be read */
  rules(chaincode: string): ChaincodeRules | string {
    if (isSystemChaincode(chaincode)) return this.#systemRules;
    let rules = this.#known.get(chaincode);
    if (rules === undefined) {
      rules = this.#read(chaincode);
      this.#known.set(chaincode, rules);
    }
    return rules;
  }

  #read(chaincode: string): ChaincodeRules | string {
    const bytes = this.state.getState("lscc", chaincode);
    if (bytes === undefined) return `lscc's state for [${chaincode}] not found.`;
    let data: ChaincodeData;
    try {
      data = decodeChaincodeData(bytes);
    } catch (error) {
      return `unmarshalling ChaincodeQueryResponse failed: ${messageOf(error)}`;
    }
    if (data.vscc === "") {
      return `lscc's state for [${chaincode}] is invalid, vscc field must be set`;
    }
    if (data.policy.length === 0) {
      return `lscc's state for [${chaincode}] is invalid, policy field must be set`;
    }
    return { version: data.version, vscc: data.vscc, policy: data.policy };
  }
}
