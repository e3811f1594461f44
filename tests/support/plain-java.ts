/** Java projects that Maven builds in a second: one class, which is no chaincode. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Group, artifact, version. */
type Coordinates = readonly [group: string, artifact: string, version: string];

const pom = (dependencies: readonly Coordinates[]) =>
  `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>org.denim.test</groupId>
  <artifactId>plain</artifactId>
  <version>1.0</version>
  <properties>
    <maven.compiler.source>11</maven.compiler.source>
    <maven.compiler.target>11</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies>${
    dependencies.map(([group, artifact, version]) => `
    <dependency>
      <groupId>${group}</groupId>
      <artifactId>${artifact}</artifactId>
      <version>${version}</version>
    </dependency>`).join("")
  }
  </dependencies>
  <build>
    <finalName>chaincode</finalName>
    <plugins>${
    // The versions of examples/asset-java, which the image of the tests has.
    [["resources", "3.3.1"], ["compiler", "3.13.0"], ["surefire", "3.5.2"], ["jar", "3.4.2"]]
      .map(([name, version]) => `
      <plugin>
        <groupId>org.apache.maven.plugins</groupId>
        <artifactId>maven-${name}-plugin</artifactId>
        <version>${version}</version>${
        name !== "jar" ? "" : `
        <configuration>
          <archive><manifest><mainClass>Main</mainClass></manifest></archive>
        </configuration>`
      }
      </plugin>`).join("")}
    </plugins>
  </build>
</project>
`;

/** Writes a project below `directory`. @param main statements @returns its directory */
export function plainJava(
  directory: string,
  name: string,
  main: string,
  ...dependencies: Coordinates[]
): string {
  const path = join(directory, name);
  const sources = join(path, "src/main/java");
  mkdirSync(sources, { recursive: true });
  writeFileSync(join(path, "pom.xml"), pom(dependencies));
  writeFileSync(
    join(sources, "Main.java"),
    `public class Main {
  public static void main(String[] args) {
    ${main}
  }
}
`,
  );
  return path;
}
