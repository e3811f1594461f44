/** proto/ against the definitions that npm's fabric-client 1.4 ships, and src/gen against proto/. */
import assert from "node:assert/strict";
import type { DescEnum, DescField, DescMessage } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import protobuf from "protobufjs";
import { npmPackageFiles } from "./support/npm-package.ts";

const root = new URL("..", import.meta.url);

async function filesBelow(directory: URL, ending: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of Deno.readDir(directory)) {
    if (entry.isDirectory) {
      const below = await filesBelow(new URL(`${entry.name}/`, directory), ending);
      paths.push(...below.map((path) => `${entry.name}/${path}`));
    } else if (entry.name.endsWith(ending)) paths.push(entry.name);
  }
  return paths.toSorted();
}

/** Everything Denim's generated code knows, by full name. */
async function generated(): Promise<Map<string, DescMessage | DescEnum>> {
  const known = new Map<string, DescMessage | DescEnum>();
  const gen = new URL("src/gen/", root);
  for (const path of await filesBelow(gen, "_pb.ts")) {
    const module: Record<string, unknown> = await import(new URL(path, gen).href);
    for (const value of Object.values(module)) {
      const desc = value as Partial<DescMessage | DescEnum> | undefined;
      if (desc?.kind === "message" || desc?.kind === "enum") {
        known.set(desc.typeName as string, desc as DescMessage | DescEnum);
      }
    }
  }
  return known;
}

function ourType(field: DescField): string {
  const plain = (kind: string) =>
    kind === "message"
      ? field.message?.typeName
      : kind === "enum"
      ? field.enum?.typeName
      : ScalarType[field.scalar ?? 0].toLowerCase();
  if (field.fieldKind === "list") return `repeated ${plain(field.listKind)}`;
  if (field.fieldKind === "map") {
    return `map<${ScalarType[field.mapKey].toLowerCase()}, ${plain(field.mapKind)}>`;
  }
  return plain(field.fieldKind) ?? "";
}

function theirType(field: protobuf.Field): string {
  field.resolve();
  const type = field.resolvedType?.fullName.slice(1) ?? field.type;
  if (field instanceof protobuf.MapField) return `map<${field.keyType}, ${type}>`;
  return field.repeated ? `repeated ${type}` : type;
}

function* typesOf(namespace: protobuf.NamespaceBase): Generator<protobuf.Type | protobuf.Enum> {
  for (const item of namespace.nestedArray) {
    if (item instanceof protobuf.Type || item instanceof protobuf.Enum) yield item;
    if (item instanceof protobuf.Namespace) yield* typesOf(item);
  }
}

/** Where the files that fabric-client ships differ from those of Fabric 1.4.2 itself, and why. */
const knownDifferences = [
  // A leftover of the 1.3 preview of the new lifecycle; 1.4.2 has moved it.
  "protos.ChaincodeInstallPackage is missing",
  // fabric-client ships the 1.2 form; 1.4.2 has the role number in its place.
  "msp.IdemixMSPSignerConfig: bool is_admin = 4, but here int32 role = 4",
];

Deno.test("every message, field number and type equals what fabric-client 1.4 ships", async () => {
  const files = await npmPackageFiles("fabric-client", "1.4.20", (path) => path.endsWith(".proto"));
  assert.ok(files.size > 25, `only ${files.size} definitions found in fabric-client`);
  const theirs = new protobuf.Root();
  for (const [path, content] of files) {
    if (!path.includes("/google/")) {
      protobuf.parse(content, theirs, { keepCase: true });
    }
  }
  theirs.addJSON(protobuf.common.get("google/protobuf/timestamp.proto")?.nested ?? {});
  theirs.addJSON(protobuf.common.get("google/protobuf/empty.proto")?.nested ?? {});
  const ours = await generated();
  let compared = 0;
  const differences: string[] = [];
  for (const type of typesOf(theirs)) {
    const name = type.fullName.slice(1);
    if (name.startsWith("google.")) continue;
    const own = ours.get(name);
    if (!own) {
      differences.push(`${name} is missing`);
      continue;
    }
    compared++;
    if (type instanceof protobuf.Enum) {
      assert.equal(own.kind, "enum");
      for (const [value, number] of Object.entries(type.values)) {
        if (
          own.kind === "enum" && !own.values.some((v) => v.name === value && v.number === number)
        ) {
          differences.push(`${name}.${value} = ${number} is missing`);
        }
      }
      continue;
    }
    for (const field of type.fieldsArray) {
      const found = own.kind === "message"
        ? own.fields.find((candidate) => candidate.number === field.id)
        : undefined;
      const expected = `${theirType(field)} ${field.name} = ${field.id}`;
      const actual = found ? `${ourType(found)} ${found.name} = ${found.number}` : "missing";
      if (actual !== expected) differences.push(`${name}: ${expected}, but here ${actual}`);
    }
  }
  assert.deepEqual(differences, knownDifferences);
  assert.ok(compared > 150, `only ${compared} types were compared`);
});

Deno.test("src/gen is byte for byte what buf generates from proto/", async () => {
  const copy = await Deno.makeTempDir({ prefix: "denim-gen-" });
  try {
    for (const path of await filesBelow(new URL("proto/", root), ".proto")) {
      await Deno.mkdir(`${copy}/proto/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.copyFile(new URL(`proto/${path}`, root), `${copy}/proto/${path}`);
    }
    for (const file of ["buf.yaml", "buf.gen.yaml", "deno.json"]) {
      await Deno.copyFile(new URL(file, root), `${copy}/${file}`);
    }
    const result = await new Deno.Command(Deno.execPath(), {
      args: ["task", "-q", "gen"],
      cwd: copy,
      env: { PATH: `${Deno.execPath().replace(/\/[^/]*$/, "")}:${Deno.env.get("PATH")}` },
      stdout: "piped",
      stderr: "piped",
    }).output();
    assert.ok(result.success, new TextDecoder().decode(result.stderr));
    const committed = await filesBelow(new URL("src/gen/", root), ".ts");
    assert.deepEqual(await filesBelow(new URL(`file://${copy}/src/gen/`), ".ts"), committed);
    for (const path of committed) {
      assert.equal(
        await Deno.readTextFile(`${copy}/src/gen/${path}`),
        await Deno.readTextFile(new URL(`src/gen/${path}`, root)),
        path,
      );
    }
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
});
