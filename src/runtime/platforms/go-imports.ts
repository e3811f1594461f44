/** The imports of a Go source file, read without a Go toolchain. */

/** A word on which Go ignores a file for this machine: other systems and architectures in its name. */
const systems =
  "aix android darwin dragonfly freebsd illumos ios js netbsd openbsd plan9 solaris wasip1 windows zos";
const architectures =
  "386 arm armbe arm64be loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le ppc ppc64 ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm";
const foreign = new Set([...systems.split(" "), ...architectures.split(" ")]);

/**
 * Does a Go file belong to the package's build? Tests, files for other systems and files marked
 * `ignore` do not. Of build constraints only `ignore` is evaluated; a file under any other constraint
 * counts as built, so that rather too much than too little is packaged.
 */
export function isBuilt(fileName: string, source: string): boolean {
  if (!fileName.endsWith(".go") || /^[_.]/.test(fileName) || fileName.endsWith("_test.go")) {
    return false;
  }
  const words = fileName.slice(0, -3).split("_").slice(1);
  if (words.slice(-2).some((word) => foreign.has(word))) return false;
  const head = source.slice(0, Math.max(0, source.search(/^package\s/m)));
  return !/^\/\/(go:build|\s*\+build)\s+ignore\s*$/m.test(head);
}

/** Import paths of a source file, in order, with repetitions; `"C"` included. */
export function importsOf(source: string): string[] {
  const imports: string[] = [];
  let state: "outside" | "single" | "group" = "outside";
  for (const token of tokensOf(source)) {
    // Imports stand before every other declaration, so the first of those ends the search.
    if (state === "outside" && /^(func|type|var|const)$/.test(token)) break;
    if (state === "outside" && token === "import") state = "single";
    else if (state === "single" && token === "(") state = "group";
    else if (state === "group" && token === ")") state = "outside";
    else if (state !== "outside" && /^["`]/.test(token)) {
      imports.push(token.slice(1, -1));
      if (state === "single") state = "outside";
    }
  }
  return imports;
}

/** Words, string literals and single signs; comments and spaces are skipped. */
function* tokensOf(source: string): Generator<string, undefined> {
  const token =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|\s+|("(?:[^"\\\n]|\\.)*"|`[^`]*`|[\p{L}\p{N}_]+|[\s\S])/uy;
  token.lastIndex = source.startsWith("\ufeff") ? 1 : 0;
  for (let match = token.exec(source); match !== null; match = token.exec(source)) {
    if (match[1] !== undefined) yield match[1];
  }
}
