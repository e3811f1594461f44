import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.zip.ZipFile;

/**
 * Stands in for chaintool, which no registry here has: `buildcar IN -o OUT` makes a program of an
 * archive. The archive is a jar that can be run; a shell finds the line before it, Java the jar.
 */
public final class Chaintool {
    public static void main(String[] args) throws IOException {
        if (args.length != 4 || !args[0].equals("buildcar") || !args[2].equals("-o")) {
            System.err.println("usage: chaintool buildcar IN -o OUT");
            System.exit(2);
        }
        Path archive = Path.of(args[1]);
        try (ZipFile jar = new ZipFile(archive.toFile())) {
            System.out.println("chaintool: " + jar.size() + " files");
        }
        Path program = Path.of(args[3]);
        Files.write(program, "#!/bin/sh\nexec java -jar \"$0\" \"$@\"\n".getBytes(StandardCharsets.UTF_8));
        Files.write(program, Files.readAllBytes(archive), StandardOpenOption.APPEND);
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
}
