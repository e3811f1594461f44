/**
 * The commands of README.md, as a reader types them: all ```sh blocks, one after the other, in one
 * shell, on a machine with Node and npm, in a fresh checkout. A ```text block after one holds lines
 * that its output must have.
 */
import assert from "node:assert/strict";
import { readFileSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { repository, Workplace } from "./support/denim.ts";

interface Block {
  /** For messages: the line of README.md at which it begins. */
  readonly line: number;
  readonly commands: string;
  readonly expected: readonly string[];
}

/**
 * A block whose first line begins so is not run. There is one: `task test` would run this test again,
 * and that one too, without end.
 */
const notRun = "# not run by the README's own test";
const mayNotBeRun = ["npx -y deno@2.9.6 task test"];

/** What `task demo` and `task compile` need of a checkout. */
const checkout = ["main.ts", "src", "scripts", "examples", "deno.json", "deno.lock", "LICENSE"];

/** All of it together may take so long; building the executable is most of it. */
const timeoutMs = 10 * 60_000;

function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  const fences = /^```(\w*)\n([\s\S]*?)^```$/gm;
  let lastEnd = -1;
  for (const { 0: whole, 1: language, 2: content, index } of markdown.matchAll(fences)) {
    const previous = blocks.at(-1);
    if (language === "sh") {
      const line = markdown.slice(0, index).split("\n").length;
      blocks.push({ line, commands: content, expected: [] });
      lastEnd = index + whole.length;
    } else if (language === "text" && previous && markdown.slice(lastEnd, index).trim() === "") {
      const expected = content.split("\n").filter((text) => text !== "");
      blocks[blocks.length - 1] = { ...previous, expected };
    } else {
      throw new Error(`a \`\`\`${language} block that nobody checks: ${content}`);
    }
  }
  return blocks;
}

/** Ports of the text and free ones that stand for them, so that this runs beside other networks. */
async function freePorts(): Promise<ReadonlyMap<string, string>> {
  const isFree = (port: number) =>
    new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
  const wanted = [7050, 7051, 7052, 8051, 8052, 9051, 9052, 9443];
  for (let attempt = 0; attempt < 100; attempt++) {
    const shift = 3_000 + Math.floor(Math.random() * 15_000);
    const free = await Promise.all(wanted.map((port) => isFree(port + shift)));
    if (free.every(Boolean)) {
      return new Map(wanted.map((port) => [`${port}`, `${port + shift}`]));
    }
  }
  throw new Error("no free ports found");
}

const mark = (line: number) => `=== README.md:${line} ===`;

/**
 * One shell script of all blocks; it ends at the first failure, says where each output begins, and
 * whatever happens leaves nothing running.
 */
function scriptOf(blocks: readonly Block[]): string {
  const cleanUp = "trap '' TERM; test ! -x dist/denim || dist/denim down --purge; kill -- -$$";
  return `trap 'status=$?; { ${cleanUp.replaceAll("'", '"')}; } >/dev/null; exit $status' EXIT\n` +
    "trap 'exit 1' TERM\n" +
    blocks.map(({ line, commands }) =>
      `echo '${mark(line)}'; echo '${mark(line)}' >&2\n${commands}`
    ).join("");
}

Deno.test("every command of README.md does what is written there", async () => {
  const ports = await freePorts();
  const markdown = readFileSync(join(repository, "README.md"), "utf8")
    .replace(/\b\d{4}\b/g, (digits) => ports.get(digits) ?? digits)
    .replaceAll("denim up --detach", `denim up --detach --port ${ports.get("7050")}`);
  const all = blocksOf(markdown);
  const blocks = all.filter(({ commands }) => !commands.startsWith(notRun));
  const leftOut = all.filter((block) => !blocks.includes(block))
    .map(({ commands }) => commands.split("\n").slice(1).join("\n").trim());
  assert.deepEqual(leftOut, mayNotBeRun);
  assert.ok(blocks.length > 10);

  await using work = new Workplace({ command: ["/bin/sh", "-e"] });
  for (const name of checkout) symlinkSync(join(repository, name), join(work.directory, name));
  const script = join(work.directory, "readme.sh");
  Deno.writeTextFileSync(script, scriptOf(blocks));
  const { code, out, err } = await work.run([script], { timeoutMs, detached: true });
  assert.equal(code, 0, `the last block that began has failed:\n${err}`);
  for (const [i, { line, expected }] of blocks.entries()) {
    const next = blocks[i + 1];
    const printed = out.slice(
      out.indexOf(mark(line)),
      next && out.indexOf(mark(next.line)),
    ).split("\n").map((text) => text.trimEnd());
    for (const text of expected) {
      assert.ok(
        printed.includes(text),
        `README.md:${line}: no line "${text}" in\n${printed.join("\n")}`,
      );
    }
  }
});
