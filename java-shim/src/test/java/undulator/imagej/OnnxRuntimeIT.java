package undulator.imagej;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ij.IJ;
import ij.ImagePlus;
import ij.ImageStack;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import undulator.imagej.RealImageJ.Outcome;

/** The runtime of deepImageJ loads the weights of a model file, and restores a stack as Apply does. */
class OnnxRuntimeIT {
    /** Of the grey window: half a grey level is more in 8 bits, and comes on top for the rounding. */
    private static final double TOLERANCE = 1e-4;

    private static final List<String> NETWORKS = List.of("network=SRCNN layers=3 activation=ReLU",
            "network=SRCNN layers=5 activation=PReLU residual", "layers=3 activation=ReLU",
            "layers=6 activation=PReLU residual");

    @TempDir
    Path folder;

    @Test
    void aRestoredStackIsThatOfTheRuntimeOfDeepImageJ() throws Exception {
        StringBuilder macro = new StringBuilder("""
                run("Undulator Sample Data...", "width=64 height=96 slices=12 seed=3");
                selectImage("laboratory");
                saveAs("Tiff", "FOLDER/laboratory.tif");
                rename("laboratory");
                """);
        for (int i = 0; i < NETWORKS.size(); i++) {
            macro.append("""
                    run("Undulator Train...", "low=laboratory reference=synchrotron NETWORK channels=5 epochs=2 "
                        + "validation=3 device=cpu model=[FOLDER/NUMBER.zip]");
                    run("Undulator Apply...", "image=laboratory model=[FOLDER/NUMBER.zip] device=cpu");
                    saveAs("Tiff", "FOLDER/restored-NUMBER.tif");
                    """.replace("NETWORK", NETWORKS.get(i)).replace("NUMBER", Integer.toString(i)));
        }
        Outcome outcome = RealImageJ.headless(folder).macro(macro.toString().replace("FOLDER", folder.toString()));
        assertEquals(0, outcome.exit(), outcome.output());
        ImageStack laboratory = open("laboratory.tif").getStack();
        for (int i = 0; i < NETWORKS.size(); i++) {
            check(laboratory, i);
        }
    }

    private void check(ImageStack laboratory, int network) throws IOException, OrtException {
        ImagePlus restored = open("restored-" + network + ".tif");
        int slices = laboratory.size();
        double white = Math.pow(2, restored.getBitDepth()) - 1;
        try (ZipFile model = new ZipFile(folder.resolve(network + ".zip").toFile())) {
            double[] in = window(model, "input_window");
            double[] out = window(model, "output_window");
            // All slices at once: the batch is free, and so are height and width.
            float[] results = run(model, laboratory, in);
            assertEquals((long) laboratory.getWidth() * laboratory.getHeight() * slices, results.length);
            double worst = 0;
            for (int z = 0; z < slices; z++) {
                float[] expected = (float[]) restored.getStack().getProcessor(z + 1).convertToFloatProcessor().getPixels();
                for (int at = 0; at < expected.length; at++) {
                    double grey = out[0] + (out[1] - out[0]) * results[z * expected.length + at];
                    worst = Math.max(worst, Math.abs(Math.max(0, Math.min(grey, white)) - expected[at]));
                }
            }
            assertTrue(worst <= 0.5 + TOLERANCE * (out[1] - out[0]), NETWORKS.get(network) + ": " + worst);
        }
    }

    private static float[] run(ZipFile model, ImageStack stack, double[] window) throws IOException, OrtException {
        int plane = stack.getWidth() * stack.getHeight();
        FloatBuffer input = FloatBuffer.allocate(plane * stack.size());
        for (int z = 1; z <= stack.size(); z++) {
            for (float grey : (float[]) stack.getProcessor(z).convertToFloatProcessor().getPixels()) {
                input.put((float) ((grey - window[0]) / (window[1] - window[0])));
            }
        }
        input.flip();
        long[] shape = {stack.size(), 1, stack.getHeight(), stack.getWidth()};
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        byte[] weights = model.getInputStream(model.getEntry("weights.onnx")).readAllBytes();
        try (OrtSession session = environment.createSession(weights);
                OnnxTensor tensor = OnnxTensor.createTensor(environment, input, shape);
                OrtSession.Result result = session.run(Map.of(session.getInputNames().iterator().next(), tensor))) {
            FloatBuffer output = ((OnnxTensor) result.get(0)).getFloatBuffer();
            float[] values = new float[output.remaining()];
            output.get(values);
            return values;
        }
    }

    /** What becomes 0 and 1, or comes of them. */
    private static double[] window(ZipFile model, String name) throws IOException {
        byte[] card = model.getInputStream(model.getEntry("model.json")).readAllBytes();
        Matcher found = Pattern.compile("\"" + name + "\":\\s*\\{\\s*\"low\":\\s*([^,]+),\\s*\"high\":\\s*([^}]+)\\}")
                .matcher(new String(card, StandardCharsets.UTF_8));
        assertTrue(found.find(), name);
        return new double[] {Double.parseDouble(found.group(1)), Double.parseDouble(found.group(2).trim())};
    }

    private ImagePlus open(String name) {
        return IJ.openImage(folder.resolve(name).toString());
    }
}
