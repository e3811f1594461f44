/** Image names of core.yaml. Mirrors core/container/util ParseDockerfileTemplate. */

/** What the placeholders of a 1.4.2 release stand for. */
const placeholders: Readonly<Record<string, string>> = {
  "$(PROJECT_VERSION)": "1.4.2",
  "$(BASE_VERSION)": "0.4.15",
  "$(DOCKER_NS)": "hyperledger",
  "$(BASE_DOCKER_NS)": "hyperledger",
};

/** Fills in `$(ARCH)`, `$(PROJECT_VERSION)`, `$(BASE_VERSION)`, `$(DOCKER_NS)`, `$(BASE_DOCKER_NS)`. */
export function expandImageName(template: string, architecture: string = Deno.build.arch): string {
  const goArchitecture = architecture === "x86_64"
    ? "amd64"
    : architecture === "aarch64"
    ? "arm64"
    : architecture;
  return template.replace(
    /\$\([A-Z_]+\)/g,
    (name) => name === "$(ARCH)" ? goArchitecture : placeholders[name] ?? name,
  );
}
