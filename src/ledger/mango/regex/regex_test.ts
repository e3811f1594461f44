import assert from "node:assert/strict";
import fc from "fast-check";
import { compileRegex } from "./regex.ts";

function check(cases: readonly [pattern: string, matching: string[], others: string[]][]): void {
  for (const [pattern, matching, others] of cases) {
    const regex = compileRegex(pattern);
    for (const text of matching) assert.ok(regex.matches(text), `${pattern} on ${text}`);
    for (const text of others) assert.ok(!regex.matches(text), `${pattern} on ${text}`);
  }
}

Deno.test("PCRE's anchors: $ also stands before a last line feed", () => {
  check([
    ["^a$", ["a", "a\n"], ["a\nb", "ba"]],
    ["(?m)^a$", ["b\na\nc"], ["ba"]],
    ["\\Aa\\z", ["a"], ["a\n"]],
    ["\\Aa\\Z", ["a", "a\n"], ["a\n\n"]],
    ["\\bcat\\b", ["a cat."], ["cats"]],
  ]);
});

Deno.test("classes, options and quoting", () => {
  check([
    ["^[[:alpha:]_][[:alnum:]_]*$", ["ab1_"], ["1a", ""]],
    ["^[^]a]+$", ["bc"], ["]"]],
    ["^[a-c\\d-]+$", ["a-3"], ["d"]],
    ["(?i)^straße$", ["STRAßE"], ["STRASSE"]],
    ["(?i:a)b", ["Ab"], ["AB"]],
    ["a(?i)b|c", ["aB", "C"], ["AB"]],
    ["(?s)a.b", ["a\nb"], []],
    ["a.b", [], ["a\nb"]],
    ["(?x) a b # more\n c", ["abc"], ["a b c"]],
    ["\\Qa.b\\E+", ["a.bb"], ["axb"]],
    ["^\\x41\\x{42}\\t$", ["AB\t"], ["ABt"]],
    ["^\\h\\R$", [" \r\n", "\t\n"], ["a\n"]],
  ]);
});

Deno.test("patterns see bytes: a character beyond ASCII is several", () => {
  check([["^.$", ["e"], ["é"]], ["^..$", ["é"], []], ["^é+$", ["é"], []], ["[é]", ["é"], []]]);
});

Deno.test("groups: alternatives, references, atomic and possessive ones, looking around", () => {
  check([
    ["^(a|bc)+$", ["abca"], ["ab"]],
    ["^(.)(.)\\2\\1$", ["abba"], ["abab"]],
    ["^(?<q>['\"]).*\\k<q>$", ["'a'"], ["'a\""]],
    ["^(?>a+)ab", [], ["aaab"]],
    ["^a++ab", [], ["aaab"]],
    ["(?<=€)\\d+(?!\\d|\\.)", ["€12"], ["$12"]],
    ["(?<!a|bc)d", ["bd"], ["ad", "bcd"]],
    ["^(?:a{2,3}|b{2})$", ["aa", "aaa", "bb"], ["a", "aaaa", "b"]],
    ["^(a?){3}b", ["b", "aaab"], []],
    ["x{,3}", ["x{,3}"], ["xxx"]],
  ]);
});

Deno.test("a search agrees with JavaScript's where the languages are the same", () => {
  const atom = fc.constantFrom(
    ..."abc1.".split(""),
    ...["[ab]", "[^a]", "\\d", "\\w", "(a|b)", "(?:ab|c)", "(b*)", "(?:a?)"],
  );
  const quantifier = fc.constantFrom("", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}?");
  const pattern = fc.array(
    fc.oneof(
      fc.tuple(atom, quantifier).map((parts) => parts.join("")),
      fc.constantFrom("\\b", "(?=a)", "(?!b)", "(?<=a)", "(?<!b)", "|"),
    ),
    { maxLength: 5 },
  ).map((parts) => parts.join(""));
  const text = fc.string({ unit: fc.constantFrom(..."abc1 "), maxLength: 8 });
  fc.assert(
    fc.property(pattern, text, (source, subject) => {
      assert.equal(compileRegex(source).matches(subject), new RegExp(source, "s").test(subject));
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("any pattern is compiled or refused, and any match ends soon", () => {
  const unit = fc.constantFrom(..."ab(){}[]*+?|\\^$.-:=!<>PQEkxi#0129,'\n");
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 12 }), fc.string({ unit }), (pattern, text) => {
      try {
        compileRegex(pattern).matches(text);
      } catch (error) {
        assert.match(String(error), /Bad argument for operator \$regex/);
      }
    }),
    { numRuns: 5_000 },
  );
  const started = performance.now();
  assert.equal(compileRegex("^(a+)+$").matches(`${"a".repeat(100)}b`), false);
  assert.ok(performance.now() - started < 10_000);
  assert.ok(compileRegex("^(ab|c)*$").matches("ab".repeat(10_000)), "no recursion");
});

Deno.test("what is no pattern, or not supported, is refused", () => {
  for (
    const pattern of [
      "(",
      ")",
      "[a",
      "a**",
      "*",
      "\\",
      "(?<=a*)b",
      "[b-a]",
      "a{2,1}",
      "(?R)",
      "\\1",
    ]
  ) {
    assert.throws(() => compileRegex(pattern), { code: "bad-rich-query" }, pattern);
  }
});
