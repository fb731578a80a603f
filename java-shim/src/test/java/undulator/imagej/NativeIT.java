package undulator.imagej;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import undulator.Native;
import undulator.nativelib.NativeLibrary;
import undulator.option.CommandSchema;

/** The library exports what Java declares, and describes the commands that users' scripts count on. */
class NativeIT {
    private static final String PREFIX = "Java_undulator_Native_";

    /** Names and keys are a contract with the users' scripts: they must not change by accident. */
    private static final Map<String, String> CONTRACT = new LinkedHashMap<>();

    static {
        CONTRACT.put("Sample Data", "width height slices voxel seed psnr misaligned");
        CONTRACT.put("Resample", "image voxel interpolation output");
        CONTRACT.put("Align", "moving reference transform metric rotation flip drift air start voxel crop overlay save");
        CONTRACT.put("Train", "low reference preset network layers activation channels residual epochs batch patch rate "
                + "schedule loss validation seed device precision augment model start checkpoint resume authors licence "
                + "cite");
        CONTRACT.put("Apply", "image model reference device precision window force output");
        CONTRACT.put("Measure", "test reference windowed");
        CONTRACT.put("Compare Networks", "low reference layers activations channels srcnn residual epochs batch patch "
                + "rate schedule loss validation seed device precision augment folder authors licence cite");
        CONTRACT.put("Models", "action model folder format force image");
        CONTRACT.put("Devices", "");
    }

    @TempDir
    static Path folder;

    private static Set<String> symbols;

    @BeforeAll
    static void load() throws IOException {
        symbols = exported(Files.readAllBytes(RealImageJ.unpackLibrary(folder)));
        NativeLibrary.load();
    }

    private static Set<String> declared() {
        return Arrays.stream(Native.class.getDeclaredMethods()).filter(method -> Modifier.isNative(method.getModifiers()))
                .map(Method::getName).map(name -> PREFIX + name).collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void everyNativeMethodIsExportedAndNothingElse() {
        Set<String> doors = symbols.stream().filter(name -> name.startsWith("Java_"))
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(declared(), doors);
        assertEquals(Set.of(PREFIX + "version", PREFIX + "schema", PREFIX + "run"), declared());
        assertFalse(symbols.contains(PREFIX + "absent"), "the reader of symbols finds all it is asked for");
    }

    @Test
    void theSchemaHasTheCommandsAndTheirKeys() {
        Map<String, String> found = new LinkedHashMap<>();
        String command = "";
        for (String[] row : Native.schema()) {
            if (row[0].equals("command")) {
                command = row[1];
                found.put(command, "");
                assertEquals(4, row.length);
            } else if (row[0].equals("key")) {
                found.merge(command, row[1], (before, key) -> (before + " " + key).trim());
                assertEquals(13, row.length);
            } else {
                assertEquals("preset", row[0]);
                assertEquals(4, row.length);
            }
        }
        assertEquals(CONTRACT, found);
    }

    @Test
    void everyCommandIsInTheMenu() throws IOException {
        List<String> menu = Files.readAllLines(Path.of("../plugin-manifest/plugins.config")).stream()
                .filter(line -> line.contains("Run(\"")).map(line -> line.replaceAll(".*Run\\(\"(.*)\"\\)", "$1")).toList();
        assertEquals(menu, CommandSchema.all(Native.schema()).stream().map(CommandSchema::name).toList());
    }

    /** The names of the defined dynamic symbols of a shared library: 64-bit ELF, little-endian. */
    private static Set<String> exported(byte[] library) {
        ByteBuffer elf = ByteBuffer.wrap(library).order(ByteOrder.LITTLE_ENDIAN);
        assertEquals(0x464c457f, elf.getInt(0), "an ELF file");
        Set<String> names = new HashSet<>();
        for (int section = 0; section < elf.getShort(60); section++) {
            int header = (int) elf.getLong(40) + section * elf.getShort(58);
            boolean dynamicSymbols = elf.getInt(header + 4) == 11;
            if (!dynamicSymbols) {
                continue;
            }
            int strings = (int) elf.getLong((int) elf.getLong(40) + elf.getInt(header + 40) * elf.getShort(58) + 24);
            int first = (int) elf.getLong(header + 24);
            for (int at = first; at < first + elf.getLong(header + 32); at += 24) {
                boolean defined = elf.getShort(at + 6) != 0;
                if (defined) {
                    int start = strings + elf.getInt(at);
                    int end = start;
                    while (library[end] != 0) {
                        end++;
                    }
                    names.add(new String(library, start, end - start, StandardCharsets.US_ASCII));
                }
            }
        }
        assertTrue(names.size() > 2, names.toString());
        return names;
    }
}
