/**
 * What to do next about what a peer, an orderer or a chaincode answered. Their texts are Fabric's
 * and travel without hints, so they are recognised by their words. Pure.
 */

/** How the failed command was called. */
export interface Situation {
  readonly program: string;
  /** "" where the command has no channel. */
  readonly channelId: string;
}

type Rule = readonly [
  text: RegExp,
  hint: (match: readonly string[], situation: Situation) => string,
];

const rules: readonly Rule[] = [
  [
    /access denied: channel \[\] creator org \[(.*?)\]/,
    ([, org]) =>
      `the peer does not accept this identity: CORE_PEER_MSPCONFIGPATH must be the MSP folder of a ` +
      `member of ${org} whose certificate ${org}'s authority issued`,
  ],
  [
    /access denied: channel \[(.+?)\] creator org \[(.*?)\]/,
    ([, channel, org], { program }) =>
      `either the peer has not joined ${channel} ('${program} channel list' tells), or it does not ` +
      `accept this identity of ${org} (CORE_PEER_LOCALMSPID, CORE_PEER_MSPCONFIGPATH)`,
  ],
  [
    /not an admin|policy with policy \[Admins\]|^Error trying to connect.*access denied/,
    () =>
      "this needs an administrator of the peer's organisation: let CORE_PEER_MSPCONFIGPATH name " +
      "the MSP folder of one",
  ],
  [
    /make sure the chaincode (\S+) has been successfully instantiated/,
    (_, { program, channelId }) =>
      `'${program} chaincode list --instantiated -C ${channelId}' shows what the channel has; ` +
      `install and instantiate it first`,
  ],
  [
    /cannot get package for chaincode \((\S+):(\S+)\)/,
    ([, name, version], { program }) =>
      `install it on this peer first: ${program} chaincode install -n ${name} -v ${version} -p PATH`,
  ],
  [
    /cannot retrieve package for chaincode ([^/\s]+)\/([^,\s]+)/,
    ([, name, version]) =>
      `the peer's installed package is missing or damaged: remove chaincodes/${name}.${version} ` +
      "from its data directory if it is there, and install the same package again",
  ],
  [
    /error installing chaincode code \S+:\S+\(chaincode \S+ exists\)/,
    () =>
      "this version is installed already: go on with instantiate or upgrade, or install changed " +
      "code under another version (-v)",
  ],
  [
    /chaincode with name '\S+' already exists/,
    (_, { program }) =>
      `it is instantiated already: install a new version and use '${program} chaincode upgrade'`,
  ],
  [
    /version already exists for chaincode/,
    () => "install the new code under another version (-v) and upgrade to that",
  ],
  [
    /no Docker engine answers|vm\.endpoint is not a Docker endpoint/,
    () =>
      "start Docker, or set CORE_VM_ENDPOINT (unix:///var/run/docker.sock, tcp://host:2375), or run " +
      "chaincode as local processes ('denim up --runtime process', CORE_CHAINCODE_RUNTIME=process)",
  ],
  [
    /container exited with|could not build chaincode|package\.json/,
    () =>
      "correct the chaincode, then install it under a new version (-v); the installed one stays " +
      "as it is",
  ],
  [
    /timeout expired while starting chaincode/,
    () =>
      "the chaincode did not connect to the peer in time: look at its output, or raise " +
      "CORE_CHAINCODE_STARTUPTIMEOUT where it only needs longer",
  ],
  [
    /Invalid chain ID|channel \S+ not found/,
    (_, { program }) => `'${program} channel list' shows the channels that the peer has joined`,
  ],
  [
    /can't read the block: &\{NOT_FOUND\}/,
    (_, { program }) =>
      `there is no such channel or no such block: see '${program} channel list' and ` +
      `'${program} channel getinfo'`,
  ],
  [
    /LedgerID already exists|ledger already exists/,
    (_, { program }) => `the peer has joined this channel already: '${program} channel list'`,
  ],
  [
    /Failed to reconstruct the genesis block/,
    (_, { program }) =>
      `-b takes block 0 of a channel, as '${program} channel create' and '${program} channel fetch ` +
      "oldest' write it",
  ],
  [
    /applying config update to existing channel|existing channel '\S+'.*ReadSet/,
    (_, { program }) =>
      `the channel exists already: join it with block 0 ('${program} channel fetch oldest')`,
  ],
  [/unknown service orderer\./, () => "that is no orderer: check the address given with -o"],
  [/unknown service /, () => "that is no peer: check CORE_PEER_ADDRESS or --peerAddresses"],
  [
    /connection closed/,
    () =>
      "does the server expect TLS? Give --tls and --cafile for an orderer, CORE_PEER_TLS_ENABLED=true " +
      "and its root certificate for a peer",
  ],
  [
    /code = Unavailable|code = DeadlineExceeded/,
    () => "is the address right and the process running? 'denim up' starts a development network",
  ],
  [/address already in use/, () => "stop the program that uses the port, or configure another one"],
  [
    /invalid chaincode (name|version) /,
    () => "names take letters, digits, '-' and '_'; versions also '.' and '+'",
  ],
];

/** The next step after an error of this text; undefined where nothing general can be said. */
export function hintOf(message: string, situation: Situation): string | undefined {
  // A failed launch brings its own.
  if (message.includes("\nHint: ")) return undefined;
  for (const [text, hint] of rules) {
    const match = text.exec(message);
    if (match) return hint(match, situation);
  }
  return undefined;
}

const systemHints: Readonly<Record<string, string>> = {
  EACCES: "use another directory, or run as a user who may write there",
  EPERM: "use another directory, or run as a user who may write there",
  EROFS: "use a directory on a disk that can be written",
  ENOSPC: "make room on the disk and try again",
  EMFILE: "raise the limit of open files (ulimit -n)",
  ENOENT: "check the path; relative paths start at the working directory",
  ENOTDIR: "check the path; relative paths start at the working directory",
  EEXIST: "use another path, or move away what is there",
  EISDIR: "name a file, not a directory",
};

/** The next step after a refusal of the operating system, by its code (`ENOENT`). */
export function systemHintOf(code: string): string {
  return systemHints[code] ?? "check the path and the machine's limits";
}
