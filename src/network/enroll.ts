/**
 * Adds a person to an organisation of a development network, as Fabric CA's register and enroll do
 * together. Running peers need not be told: they trust the organisation's CA.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { DenimError } from "../base/errors.ts";
import { systemErrorReason } from "../base/system-error.ts";
import { readKeyPair } from "../crypto/certificate-writer.ts";
import { peopleOf } from "./applications/people.ts";
import { checkAttributes } from "./attribute-rules.ts";
import { damagedNetwork } from "./check-network.ts";
import { type EnrollmentAuthority, enrollmentFiles } from "./keys/enrollment.ts";
import { authorityName } from "./keys/organization-keys.ts";
import { writeKeyFolder } from "./keys/write-organization.ts";
import type { NetworkLayout, OrganizationLayout } from "./layout.ts";

export interface EnrollOptions {
  readonly name: string;
  readonly mspId: string;
  /** `client` or `peer`: what the organisation's node OUs tell apart. */
  readonly type: string;
  /** `department1.team2`, or nothing. */
  readonly affiliation: string;
  /** `name=value`, also with Fabric CA's `:ecert` at the end. */
  readonly attributes: readonly string[];
  readonly clock: Clock;
}

/** A certificate's common name has at most 64 characters. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const affiliationPattern = /^([A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,15})?$/;
/** What node OUs of Fabric 1.4.2 know. */
const types = ["client", "peer"];

/**
 * @returns the person's organisation; everything about the person is on disk then, except for
 *   wallets and profiles, see `writeMaterial`
 * @throws DenimError `unknown-organization`, `invalid-enrollment`, `already-enrolled`,
 *   `damaged-network`, `keys-not-written`
 */
export function enroll(layout: NetworkLayout, options: EnrollOptions): OrganizationLayout {
  const { name, mspId, type, affiliation } = options;
  const org = organizationOf(layout, mspId);
  if (!namePattern.test(name)) {
    throw invalid(
      `${JSON.stringify(name)} cannot be a person's name`,
      "use letters, digits, dots, dashes and underscores, a letter or digit first, at most 64",
    );
  }
  if (!types.includes(type)) {
    throw invalid(
      `there is no type ${JSON.stringify(type)}`,
      `--type is one of ${types.join(", ")}; administrators are named in the channel's ` +
        "configuration, every organisation has one as 'admin'",
    );
  }
  if (!affiliationPattern.test(affiliation)) {
    throw invalid(
      `${JSON.stringify(affiliation)} cannot be an affiliation`,
      "it is a path of names, such as department1.team2",
    );
  }
  const attributes = checkAttributes(options.attributes);
  // File systems may not tell cases apart.
  const taken = peopleOf(layout, org).find(({ label }) =>
    label.toLowerCase() === name.toLowerCase()
  );
  const folder = join(org.keysPath, "users", `${name}@${org.domain}`);
  if (taken || existsSync(folder)) throw alreadyEnrolled(taken?.label ?? name, org);
  const files = enrollmentFiles({
    name,
    domain: org.domain,
    type,
    affiliation,
    attributes,
    ca: authority(layout, org, "ca"),
    tlsCa: authority(layout, org, "tlsca"),
    admin: onlyCertificate(layout, join(org.mspPath, "admincerts")),
    now: options.clock.now(),
  });
  try {
    writeKeyFolder(folder, name, files);
  } catch (error) {
    // Another process was faster.
    if (error instanceof DenimError && existsSync(folder)) throw alreadyEnrolled(name, org);
    throw error;
  }
  return org;
}

/** By MSP id, or by its name without `MSP`; the case does not matter. @throws DenimError `unknown-organization` */
function organizationOf({ organizations }: NetworkLayout, wanted: string): OrganizationLayout {
  const name = wanted.toLowerCase();
  const found = organizations.find(({ mspId }) =>
    mspId.toLowerCase() === name || mspId.toLowerCase() === `${name}msp`
  );
  if (found) return found;
  const known = organizations.map(({ mspId }) => mspId).join(", ");
  throw new DenimError("unknown-organization", `no organisation ${wanted}: there are ${known}`);
}

function alreadyEnrolled(name: string, { mspId }: OrganizationLayout): DenimError {
  return new DenimError(
    "already-enrolled",
    `${mspId} has a member ${name} already: nothing was changed`,
    { name, mspId },
    "use it as it is, or enroll another name",
  );
}

function invalid(message: string, hint: string): DenimError {
  return new DenimError("invalid-enrollment", message, {}, hint);
}

/** A certificate authority of the organisation, with its key. */
function authority(
  layout: NetworkLayout,
  { keysPath, domain }: OrganizationLayout,
  which: "ca" | "tlsca",
): EnrollmentAuthority {
  const folder = join(keysPath, which);
  try {
    const key = readdirSync(folder).find((file) => file.endsWith("_sk"));
    if (key === undefined) throw new Error("it has no key");
    return {
      ...onlyCertificate(layout, folder),
      issuer: {
        name: authorityName(which, domain),
        keys: readKeyPair(readFileSync(join(folder, key), "utf8")),
      },
    };
  } catch (error) {
    if (error instanceof DenimError) throw error;
    throw damagedNetwork(
      layout.directory,
      `${folder}: ${systemErrorReason(error)}`,
      undefined,
      error,
    );
  }
}

function onlyCertificate(
  { directory }: NetworkLayout,
  folder: string,
): { certificateName: string; certificatePem: string } {
  try {
    const certificateName = readdirSync(folder).find((file) => file.endsWith(".pem"));
    if (certificateName === undefined) throw new Error("it has no certificate");
    const certificatePem = readFileSync(join(folder, certificateName), "utf8");
    return { certificateName: basename(certificateName), certificatePem };
  } catch (error) {
    throw damagedNetwork(directory, `${folder}: ${systemErrorReason(error)}`, undefined, error);
  }
}
