/** Regular expressions of selectors: PCRE's language on bytes, as Erlang's re:run runs it. */
import { utf8 } from "../../../base/bytes.ts";
import { badArgument } from "../errors.ts";
import { Matcher, maxStepsPerValue } from "./matcher.ts";
import { compileProgram } from "./program.ts";
import { parsePattern, PatternError } from "./parser.ts";

/** Steps that one pattern may take over all the values of a query; more end it with an error. */
export const maxStepsPerQuery = 100_000_000;

export interface Regex {
  /**
   * Whether the text has a match anywhere. Costly ones end as "no", as PCRE's match limit does.
   * @throws DenimError `bad-rich-query` once the whole query has cost too much
   */
  matches(text: string): boolean;
}

/** @throws DenimError `bad-rich-query` (CouchDB's bad_arg) */
export function compileRegex(pattern: string): Regex {
  try {
    const { root, groups } = parsePattern(utf8(pattern));
    const program = compileProgram(root, groups);
    let left = maxStepsPerQuery;
    return {
      matches: (text) => {
        const matcher = new Matcher(utf8(text), program, maxStepsPerValue);
        const found = matcher.search();
        left -= matcher.stepsTaken;
        if (left >= 0) return found;
        const hint = "Its matching takes too many steps; write it with fewer nested repetitions.";
        throw badArgument("$regex", pattern, hint);
      },
    };
  } catch (thrown) {
    if (!(thrown instanceof PatternError)) throw thrown;
    throw badArgument("$regex", pattern, `The pattern is not understood: ${thrown.message}.`);
  }
}
