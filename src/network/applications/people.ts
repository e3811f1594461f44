/** The people of an organisation: every member of its `users` folder, first ones and enrolled ones. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { systemErrorReason } from "../../base/system-error.ts";
import { damagedNetwork } from "../check-network.ts";
import type { NetworkLayout, OrganizationLayout } from "../layout.ts";

export interface Person {
  /** Name in wallets: `admin`, `user1`, or the name given to `denim enroll`. */
  readonly label: string;
  readonly mspId: string;
  readonly mspPath: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** `Admin` and `User1` are the members every network begins with; wallets call them in lower case. */
const firstMember = /^(Admin|User1)$/;

/** All people of an organisation, by label. @throws DenimError `damaged-network` */
export function peopleOf(layout: NetworkLayout, org: OrganizationLayout): Person[] {
  const users = join(org.keysPath, "users");
  const suffix = `@${org.domain}`;
  try {
    return readdirSync(users)
      .filter((folder) => folder.endsWith(suffix) && !folder.startsWith("."))
      .map((folder) => personIn(join(users, folder, "msp"), folder.slice(0, -suffix.length), org))
      .toSorted((a, b) => a.label < b.label ? -1 : 1);
  } catch (error) {
    throw damagedNetwork(
      layout.directory,
      `${users}: ${systemErrorReason(error)}`,
      undefined,
      error,
    );
  }
}

function personIn(mspPath: string, name: string, { mspId }: OrganizationLayout): Person {
  return {
    label: firstMember.test(name) ? name.toLowerCase() : name,
    mspId,
    mspPath,
    certificatePem: onlyFile(join(mspPath, "signcerts")),
    keyPem: onlyFile(join(mspPath, "keystore")),
  };
}

function onlyFile(folder: string): string {
  const [file] = readdirSync(folder);
  if (file === undefined) throw new Error(`${folder} is empty`);
  return readFileSync(join(folder, file), "utf8");
}
