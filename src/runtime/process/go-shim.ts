/**
 * A GOPATH with the chaincode shim of Fabric 1.4.2, for packages that do not bring it: what Fabric's
 * fabric-ccenv image holds. Assembled once from Go modules; the versions below are those that Fabric
 * 1.4.2 was released with where today's Go compiles them, and the oldest that it does otherwise.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { messageOf } from "../../base/errors.ts";
import type { BuildContext } from "./build.ts";

const requirements = `
	github.com/fsouza/go-dockerclient v1.3.0
	github.com/golang/protobuf v1.3.3
	github.com/grpc-ecosystem/go-grpc-middleware v1.0.0
	github.com/hyperledger/fabric v1.4.2
	github.com/hyperledger/fabric-amcl v0.0.0-20181230093703-5ccba6eab8d6
	github.com/miekg/pkcs11 v1.0.2
	github.com/op/go-logging v0.0.0-20160315200505-970db520ece7
	github.com/pkg/errors v0.8.1
	github.com/spf13/viper v1.3.2
	github.com/sykesm/zap-logfmt v0.0.2
	go.uber.org/atomic v1.4.0
	go.uber.org/multierr v1.1.0
	go.uber.org/zap v1.9.1
	golang.org/x/crypto v0.0.0-20200622213623-75b288015ac9
	golang.org/x/net v0.0.0-20200822124328-c89045814202
	google.golang.org/genproto v0.0.0-20190819201941-24fa4b261c55
	google.golang.org/grpc v1.23.0
	gopkg.in/yaml.v2 v2.2.2
`;

/** What chaincode may import of Fabric 1.4. */
const packages = [
  "core/chaincode/shim",
  "core/chaincode/shim/ext/attrmgr",
  "core/chaincode/shim/ext/cid",
  "core/chaincode/shim/ext/statebased",
  "protos/common",
  "protos/ledger/queryresult",
  "protos/ledger/rwset",
  "protos/msp",
  "protos/peer",
].map((name) => `github.com/hyperledger/fabric/${name}`);

/** The GOPATH directory; made on first use. @throws DenimError `build-failed` */
export async function shimGopath(context: BuildContext, go: string): Promise<string> {
  const gopath = join(context.cacheDirectory, "gopath-fabric-1.4.2");
  if (existsSync(gopath)) return gopath;
  mkdirSync(context.cacheDirectory, { recursive: true, mode: 0o700 });
  const making = mkdtempSync(`${gopath}.`);
  try {
    writeFileSync(join(making, "go.mod"), `module shim\n\ngo 1.18\n\nrequire (${requirements})\n`);
    const imports = packages.map((name) => `import _ "${name}"\n`).join("");
    writeFileSync(join(making, "shim.go"), `package shim\n\n${imports}`);
    const list = join(making, "modules.txt");
    const failure = await context.run(
      "/bin/sh",
      [
        "-c",
        '"$0" list -mod=mod -tags nopkcs11 -deps -f "{{with .Module}}{{.Path}} {{.Dir}}{{end}}" . > modules.txt',
        go,
      ],
      making,
      { GO111MODULE: "on", GOFLAGS: "" },
    );
    if (failure !== undefined) {
      throw context.failed(
        `Fabric's Go shim could not be fetched: ${failure}`,
        "The Go module proxy must be reachable once (GOPROXY), or the package must vendor the shim.",
      );
    }
    const modules = new Map<string, string>();
    for (const line of Deno.readTextFileSync(list).split("\n")) {
      const [path, directory] = line.split(" ");
      if (directory !== undefined && path !== "shim") modules.set(path, directory);
    }
    for (const [path, directory] of modules) {
      const link = join(making, "src", path);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(directory, link);
    }
    renameSync(making, gopath);
  } catch (error) {
    rmSync(making, { recursive: true, force: true });
    // Another build may have made it in the meantime.
    if (existsSync(gopath)) return gopath;
    throw error instanceof Error ? error : new Error(messageOf(error));
  }
  return gopath;
}
