/** Regular expressions of selectors: PCRE's language on bytes, as Erlang's re:run runs it. */
import { utf8 } from "../../../base/bytes.ts";
import { badArgument } from "../errors.ts";
import { Matcher, maxStepsPerValue } from "./matcher.ts";
import { compileProgram } from "./program.ts";
import { parsePattern, PatternError } from "./parser.ts";

export interface Regex {
  /** Whether the text has a match anywhere. Costly ones end as "no", as PCRE's match limit does. */
  matches(text: string): boolean;
}

/** @throws DenimError `bad-rich-query` (CouchDB's bad_arg) */
export function compileRegex(pattern: string): Regex {
  try {
    const { root, groups } = parsePattern(utf8(pattern));
    const program = compileProgram(root, groups);
    return {
      matches: (text) => new Matcher(utf8(text), program, maxStepsPerValue).search(),
    };
  } catch (thrown) {
    if (!(thrown instanceof PatternError)) throw thrown;
    throw badArgument("$regex", pattern, `The pattern is not understood: ${thrown.message}.`);
  }
}
