/** How much room text takes on a terminal. */

/** Characters of East Asian scripts and pictures, which take two cells. Close enough for build output. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
/** Accents and joiners, which take none. */
const combining = /[\p{Mn}\p{Me}\p{Cf}]/u;

function cellsOf(character: string): number {
  if (/^[\x20-\x7e]$/.test(character)) return 1;
  if (combining.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}

/** Cells of a text without control characters. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += cellsOf(character);
  return width;
}

/** The text, cut with `…` where it takes more than so many cells. */
export function cutToWidth(text: string, room: number): string {
  if (textWidth(text) <= room) return text;
  let cut = "";
  let width = 0;
  for (const character of text) {
    width += cellsOf(character);
    if (width > room - 1) break;
    cut += character;
  }
  return room > 0 ? `${cut}…` : "";
}

/** What a program wrote, as one line without what would move the cursor or change colours. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  const plain = text.replace(/\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)/g, "");
  // deno-lint-ignore no-control-regex
  return plain.replace(/\t/g, "  ").replace(/[\x00-\x1f\x7f-\x9f]/g, "");
}
