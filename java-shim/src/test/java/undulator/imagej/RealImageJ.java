package undulator.imagej;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** Starts real ImageJ in a Java of its own, with the plugin's jar in its plugins folder. */
final class RealImageJ {
    private static final long LIMIT_SECONDS = 300;
    private static final Path JAR = Path.of(System.getProperty("undulator.jar"));
    private static final String IMAGEJ = System.getProperty("imagej.jar");
    private static final Path TEST_CLASSES = Path.of(System.getProperty("undulator.target"), "test-classes");

    private final Path folder;
    private final boolean windowed;
    private final List<String> javaOptions = new ArrayList<>();
    private final List<String> moreClasses = new ArrayList<>();
    private final Map<String, String> environment = new HashMap<>();
    private long fileLimitKilobytes;
    private boolean pluginOnClassPath;

    private RealImageJ(Path folder, boolean windowed) {
        this.folder = folder;
        this.windowed = windowed;
    }

    /** Unpatched ImageJ with its window, on a virtual screen. */
    static RealImageJ windowed(Path folder) {
        return new RealImageJ(folder, true);
    }

    /** ImageJ as Fiji runs it without a screen. */
    static RealImageJ headless(Path folder) {
        return new RealImageJ(folder, false);
    }

    RealImageJ java(String... options) {
        javaOptions.addAll(Arrays.asList(options));
        return this;
    }

    RealImageJ environment(Map<String, String> variables) {
        environment.putAll(variables);
        return this;
    }

    /** The plugin's classes can be used by the main class, too. */
    RealImageJ plugin() {
        pluginOnClassPath = true;
        return this;
    }

    /** Scripts in Groovy and Jython can be run. */
    RealImageJ languages() {
        moreClasses.addAll(classPath("groovy", "jython"));
        return this;
    }

    /** No file may grow beyond this, as on a full disk. */
    RealImageJ fileLimit(long kilobytes) {
        fileLimitKilobytes = kilobytes;
        return this;
    }

    /** What a run printed, and how it ended. */
    record Outcome(int exit, String output) {
        /** What follows {@code name: } on its line. */
        String value(String name) {
            return output.lines().filter(line -> line.startsWith(name + ": ")).findFirst()
                    .orElseThrow(() -> new AssertionError("no line \"" + name + ": \" in:\n" + output))
                    .substring(name.length() + 2);
        }

        double number(String name) {
            return Double.parseDouble(value(name));
        }
    }

    /** Runs a macro. The outcome's exit is 1 if an error ended the macro; its message is in the output. */
    Outcome macro(String code, String... scenario) throws IOException, InterruptedException {
        return outcome(start(code, scenario));
    }

    /** Starts a macro and does not wait for its end. */
    Process start(String code, String... scenario) throws IOException, InterruptedException {
        Path macro = Files.writeString(folder.resolve("test.ijm"), code);
        String main = windowed ? "undulator.imagej.WindowedMain" : "undulator.imagej.HeadlessMain";
        List<String> arguments = new ArrayList<>(List.of(main, macro.toString()));
        arguments.addAll(Arrays.asList(scenario));
        return start(arguments);
    }

    /** Runs macros headless, one after the other, whether or not they fail: "error 0: ..." tells how the first ended. */
    Outcome macros(List<String> codes) throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>(List.of("undulator.imagej.HeadlessMain", "all"));
        for (int i = 0; i < codes.size(); i++) {
            arguments.add(Files.writeString(folder.resolve("test" + i + ".ijm"), codes.get(i)).toString());
        }
        return run(arguments);
    }

    /** Runs a main class of the tests, or of ImageJ. */
    Outcome run(List<String> mainAndArguments) throws IOException, InterruptedException {
        return outcome(start(mainAndArguments));
    }

    private Process start(List<String> mainAndArguments) throws IOException, InterruptedException {
        Path plugins = Files.createDirectories(folder.resolve("plugins"));
        Path jar = Files.copy(JAR, plugins.resolve(JAR.getFileName()), StandardCopyOption.REPLACE_EXISTING);
        List<String> command = new ArrayList<>(shell());
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        // Without a screen Fiji puts plugins on the class path itself, and its patches open up java.lang.
        List<String> classPath = new ArrayList<>(List.of(TEST_CLASSES.toString(), IMAGEJ));
        if (!windowed || pluginOnClassPath || !moreClasses.isEmpty()) {
            classPath.add(jar.toString());
        }
        classPath.addAll(moreClasses);
        if (!windowed) {
            classPath.addAll(classPath("ij1-patcher", "javassist"));
            command.addAll(List.of("-Djava.awt.headless=true", "--add-opens", "java.base/java.lang=ALL-UNNAMED"));
        }
        command.addAll(List.of("-Dfile.encoding=UTF-8", "-Dplugins.dir=" + folder, "-Duser.home=" + folder, "-XX:-UsePerfData"));
        command.addAll(javaOptions);
        command.addAll(List.of("-cp", String.join(java.io.File.pathSeparator, classPath)));
        command.addAll(mainAndArguments);
        ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true)
                .redirectOutput(printed().toFile());
        builder.environment().putAll(environment);
        if (windowed) {
            builder.environment().put("DISPLAY", Xvfb.display());
        }
        return builder.start();
    }

    private List<String> shell() {
        return fileLimitKilobytes == 0 ? List.of()
                : List.of("bash", "-c", "ulimit -f " + fileLimitKilobytes + " && exec \"$@\"", "limited");
    }

    /** The jars of the tests' class path with one of these names. */
    private static List<String> classPath(String... names) {
        return Arrays.stream(System.getProperty("java.class.path").split(java.io.File.pathSeparator))
                .filter(entry -> Arrays.stream(names).anyMatch(Path.of(entry).getFileName().toString()::contains))
                .collect(Collectors.toList());
    }

    private Path printed() {
        return folder.resolve("output.txt");
    }

    private Outcome outcome(Process process) throws IOException, InterruptedException {
        boolean ended = process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS);
        if (!ended) {
            process.destroyForcibly().waitFor();
        }
        String printed = Files.readString(printed(), StandardCharsets.UTF_8);
        if (!ended) {
            throw new AssertionError("ImageJ still ran after " + LIMIT_SECONDS + " s. It printed:\n" + printed);
        }
        return new Outcome(process.exitValue(), printed);
    }

    /** Unpacks the plugin's native library, for tests that load it from java.library.path. */
    static Path unpackLibrary(Path folder) throws IOException {
        try (java.util.zip.ZipFile jar = new java.util.zip.ZipFile(JAR.toFile())) {
            java.util.zip.ZipEntry entry = jar.stream().filter(file -> file.getName().startsWith("natives/linux_64/lib"))
                    .findFirst().orElseThrow(() -> new AssertionError("no natives/linux_64 in " + JAR));
            Path file = folder.resolve(Path.of(entry.getName()).getFileName().toString());
            Files.copy(jar.getInputStream(entry), file, StandardCopyOption.REPLACE_EXISTING);
            return file;
        }
    }
}
