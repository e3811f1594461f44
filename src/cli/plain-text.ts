/** Text from elsewhere, fit for a terminal: what a chaincode printed must not steer it. Pure. */

/** Colours, cursor movements, titles: CSI and OSC sequences, and two-character escapes. */
// deno-lint-ignore no-control-regex -- control characters are what is searched
const escapeSequence = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -~])/g;

/** What is left of control characters, C1 ones too; tabs and line ends stay. */
// deno-lint-ignore no-control-regex -- control characters are what is searched
const controlCharacter = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** Without escape sequences and control characters other than tabs and newlines. */
export function plainText(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(escapeSequence, "").replace(controlCharacter, "");
}
