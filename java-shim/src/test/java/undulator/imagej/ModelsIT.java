package undulator.imagej;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import undulator.imagej.RealImageJ.Outcome;

/** Model files passed around: looked at, installed, applied by name, taken apart. */
class ModelsIT {
    static final String TRAIN = """
            run("Undulator Sample Data...", "width=48 height=48 slices=12 seed=4");
            run("Undulator Train...", "low=laboratory reference=synchrotron layers=3 channels=4 epochs=3 validation=3 "
                + "device=cpu authors=[Ada Byron (London)] licence=MIT model=[FOLDER/my model.zip]");
            """;

    @TempDir
    Path folder;

    @Test
    void aModelIsInstalledListedAppliedByItsNameAndExported() throws Exception {
        Outcome outcome = RealImageJ.headless(folder).macro((TRAIN + """
                run("Clear Results");
                run("Undulator Models...", "model=[FOLDER/my model.zip]");
                print("inspected: " + getResultString("Name", 0) + ", " + getResultString("Voxel size", 0) + ", "
                    + getResultString("Runs", 0));
                run("Clear Results");
                run("Undulator Models...", "action=Install model=[FOLDER/my model.zip]");
                installed = getResultString("File", 0);
                print("installed: " + File.getName(installed) + " in " + File.getName(File.getParent(installed)));
                run("Clear Results");
                run("Undulator Models...", "action=List");
                print("listed: " + nResults + " " + getResultString("File", 0));
                run("Undulator Apply...", "image=laboratory model=[my model] device=cpu");
                print("restored: " + getTitle());
                close();
                run("Undulator Apply...", "image=laboratory model=sample-cathode device=cpu");
                print("restored by the shipped one: " + getTitle());
                run("Undulator Models...", "action=Verify model=sample-cathode");
                run("Undulator Models...", "action=Export format=ONNX model=[my model] folder=[FOLDER/out]");
                run("Undulator Models...", "action=Export format=Safetensors model=[my model] folder=[FOLDER/out]");
                print("exported: " + File.exists("FOLDER/out/my model.onnx") + File.exists("FOLDER/out/my model.safetensors"));
                newImage("other", "16-bit ramp", 20, 20, 2);
                setVoxelSize(1, 1, 1, "um");
                run("Undulator Models...", "model=[my model]");
                """).replace("FOLDER", folder.toString()));
        assertEquals(0, outcome.exit(), outcome.output());
        assertEquals("my model, 0.6\u00D70.6\u00D70.6 \u00B5m, yes", outcome.value("inspected"));
        assertEquals("my model.zip in models", outcome.value("installed"));
        assertEquals("1 my model.zip", outcome.value("listed"));
        assertEquals("laboratory-restored", outcome.value("restored"));
        assertEquals("laboratory-restored", outcome.value("restored by the shipped one"));
        assertEquals("11", outcome.value("exported"));
        assertTrue(outcome.value("Authors").startsWith("Ada Byron (London)"), outcome.output());
        assertTrue(outcome.output().contains("Warning: the model was trained on voxels of 0.6\u00D70.6\u00D70.6"),
                outcome.output());
    }

    @Test
    void aModelOfAnotherProgramIsLookedAtInstalledAndApplied() throws Exception {
        Path other = Path.of("../tests/data/bioimageio/tiny_rednet.bioimage.io.zip").toAbsolutePath().normalize();
        Outcome outcome = RealImageJ.headless(folder).macro("""
                run("Clear Results");
                run("Undulator Models...", "model=[OTHER]");
                print("inspected: " + getResultString("Name", 0) + ", " + getResultString("Runs", 0));
                run("Undulator Models...", "action=Install model=[OTHER]");
                newImage("grey", "8-bit ramp", 100, 80, 3);
                run("Undulator Apply...", "image=grey model=tiny_rednet.bioimage.io");
                getDimensions(width, height, channels, slices, frames);
                print("restored: " + getTitle() + " " + width + "x" + height + "x" + slices + " " + bitDepth());
                getStatistics(area, mean, min, max);
                print("changed: " + (max > min));
                run("Undulator Apply...", "image=grey model=[OTHER] output=[FOLDER/restored.tif]");
                print("written: " + File.exists("FOLDER/restored.tif"));
                """.replace("OTHER", other.toString()).replace("FOLDER", folder.toString()));
        assertEquals(0, outcome.exit(), outcome.output());
        assertEquals("Tiny RED-Net denoiser, yes", outcome.value("inspected"));
        assertEquals("grey-restored 100x80x3 32", outcome.value("restored"));
        assertEquals("1", outcome.value("changed"));
        assertEquals("1", outcome.value("written"));
        String export = "run(\"Undulator Models...\", \"action=Export format=ONNX model=[" + other + "] folder=[" + folder + "]\");";
        Outcome refused = RealImageJ.headless(folder).macros(List.of(export));
        assertTrue(refused.value("error 0").contains("made by another program"), refused.output());
    }

    @Test
    void whatIsNoModelIsRefusedAndNothingIsLost() throws Exception {
        Files.writeString(folder.resolve("no model.zip"), "words");
        Files.createDirectories(folder.resolve("models"));
        Files.writeString(folder.resolve("models/taken.zip"), "another");
        String macro = "run('Undulator Models...', 'OPTIONS');".replace('\'', '"');
        List<String> options = List.of("action=Inspect", "model=[FOLDER/absent.zip]", "model=[FOLDER/no model.zip]",
                "action=Install model=[FOLDER/no model.zip]", "action=Burn model=sample-cathode",
                "action=Export model=sample-cathode format=HDF5", "action=List folder=[FOLDER/models]");
        Outcome outcome = RealImageJ.headless(folder).macros(options.stream()
                .map(given -> macro.replace("OPTIONS", given.replace("FOLDER", folder.toString()))).toList());
        List<String> said = List.of("model is missing", "cannot read the model", "not a zip file", "not a zip file",
                "choose one of Inspect, Install, List, Export, Verify", "choose one of ONNX, Safetensors", "null");
        for (int i = 0; i < said.size(); i++) {
            assertTrue(outcome.value("error " + i).contains(said.get(i)), i + ": " + outcome.output());
        }
        assertEquals("another", Files.readString(folder.resolve("models/taken.zip")));
    }

    @Test
    void theCardOpensFromTheMenuAndWhenAModelIsDropped() throws Exception {
        Path pictures = Files.createDirectories(Path.of(System.getProperty("undulator.target"), "screenshots"));
        Outcome outcome = RealImageJ.windowed(folder).java("--add-opens", "java.desktop/java.awt.dnd=ALL-UNNAMED")
                .run(List.of("undulator.imagej.ModelsMain", folder.toString(), pictures.toString()));
        assertEquals(0, outcome.exit(), outcome.output());
        assertEquals("shown", outcome.value("card"));
        assertEquals("shown", outcome.value("dropped model"));
        assertEquals("plain.tif", outcome.value("dropped image"));
        assertEquals("installed", outcome.value("Install button"));
    }
}
