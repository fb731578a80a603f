package undulator;

import ij.ImagePlus;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import undulator.nativelib.NativeLibrary;

/**
 * The commands of Undulator for scripts and programs, as functions of images.
 *
 * <p>Images need no window, and none is opened. What cannot be done is thrown as a {@link CommandException}, without a
 * dialog. Every function may be called from any thread, also without a screen, and stops with the code
 * {@link CommandException#CANCELLED} when its thread is interrupted.</p>
 *
 * <pre>{@code
 * ImagePlus restored = Undulator.apply(scan, Model.named("sample-cathode"));
 * double psnr = Undulator.measure(restored, reference).psnr();
 * }</pre>
 *
 * <p>Options are those of the macros: {@code docs/commands.md} lists them. Values are texts, numbers, true or false, files,
 * images and {@link Model models}; options that are left out take their defaults.</p>
 */
public final class Undulator {
    private Undulator() {
    }

    /**
     * Restores a stack with a trained model.
     *
     * @param image the stack
     * @param model the model
     * @return the restored stack
     */
    public static ImagePlus apply(ImagePlus image, Model model) {
        return apply(image, model, Collections.emptyMap());
    }

    /**
     * Restores a stack with a trained model.
     *
     * @param image the stack
     * @param model the model
     * @param options for example {@code device}
     * @return the restored stack
     */
    public static ImagePlus apply(ImagePlus image, Model model, Map<String, ?> options) {
        return run("Apply", with(options, "image", image, "model", model)).image();
    }

    /**
     * Trains a network and writes its model file.
     *
     * @param low the laboratory scan
     * @param reference the synchrotron scan on the same grid
     * @param options at least {@code model}, the file to write
     * @return the model
     */
    public static Model train(ImagePlus low, ImagePlus reference, Map<String, ?> options) {
        Outcome outcome = run("Train", with(options, "low", low, "reference", reference));
        return Model.of(outcome.files().get(0));
    }

    /**
     * Brings a stack onto the grid of another that shows the same place.
     *
     * @param moving the laboratory scan
     * @param reference the synchrotron scan
     * @return the moving stack on the reference's grid
     */
    public static ImagePlus align(ImagePlus moving, ImagePlus reference) {
        return align(moving, reference, Collections.emptyMap());
    }

    /**
     * Brings a stack onto the grid of another that shows the same place. {@link #run} gives the transform and the other
     * new images, too.
     *
     * @param moving the laboratory scan
     * @param reference the synchrotron scan
     * @param options for example {@code transform}
     * @return the moving stack on the new grid
     */
    public static ImagePlus align(ImagePlus moving, ImagePlus reference, Map<String, ?> options) {
        return run("Align", with(options, "moving", moving, "reference", reference)).image();
    }

    /**
     * Compares two stacks on the same grid.
     *
     * @param test the stack to measure
     * @param reference the stack that it should equal
     * @return PSNR and SSIM
     */
    public static Scores measure(ImagePlus test, ImagePlus reference) {
        return measure(test, reference, Collections.emptyMap());
    }

    /**
     * Compares two stacks on the same grid.
     *
     * @param test the stack to measure
     * @param reference the stack that it should equal
     * @param options for example {@code windowed}
     * @return PSNR and SSIM
     */
    public static Scores measure(ImagePlus test, ImagePlus reference, Map<String, ?> options) {
        return new Scores(run("Measure", with(options, "test", test, "reference", reference)).rows());
    }

    /**
     * Brings a stack to cubic voxels.
     *
     * @param image the stack
     * @param voxel edge of the new voxels, in the image's unit
     * @return the new stack
     */
    public static ImagePlus resample(ImagePlus image, double voxel) {
        return resample(image, voxel, Collections.emptyMap());
    }

    /**
     * Brings a stack to cubic voxels.
     *
     * @param image the stack
     * @param voxel edge of the new voxels, in the image's unit
     * @param options for example {@code interpolation}
     * @return the new stack
     */
    public static ImagePlus resample(ImagePlus image, double voxel, Map<String, ?> options) {
        return run("Resample", with(options, "image", image, "voxel", voxel)).image();
    }

    /**
     * Simulates a laboratory and a synchrotron scan of one sample.
     *
     * @return the images {@code laboratory} and {@code synchrotron}
     */
    public static Outcome sampleData() {
        return sampleData(Collections.emptyMap());
    }

    /**
     * Simulates a laboratory and a synchrotron scan of one sample.
     *
     * @param options for example {@code width}
     * @return the images {@code laboratory} and {@code synchrotron}
     */
    public static Outcome sampleData(Map<String, ?> options) {
        return run("Sample Data", options);
    }

    /**
     * What there is to compute with, and what is missing.
     *
     * @return rows of {@code Item}, {@code State} and {@code Detail}
     */
    public static List<Map<String, Object>> devices() {
        return run("Devices", Collections.emptyMap()).rows();
    }

    /**
     * Runs a command.
     *
     * @param command its name as in the menu: {@code Compare Networks}
     * @param options by name; images may be given as images or by the title of an open one
     * @return everything that came out
     */
    public static Outcome run(String command, Map<String, ?> options) {
        return ScriptHost.run(command, ScriptOptions.of(options));
    }

    /**
     * Runs a command with options as a macro writes them, which ImageJ's recorder does, too.
     *
     * @param command its name as in the menu: {@code Compare Networks}
     * @param options for example {@code "transform=Rigid save=[/data/my transform.json]"}
     * @param images for the command's options that name images, in the order of the dialog
     * @return everything that came out
     */
    public static Outcome run(String command, String options, ImagePlus... images) {
        return ScriptHost.run(command, ScriptOptions.of(command, options, images));
    }

    /**
     * Runs a command for a program that has images and listeners of its own. Everything else is built on this.
     *
     * @param command its name as in the menu: {@code Compare Networks}
     * @param options by name, as in macros
     * @param host gives and takes images, and hears what happens
     * @return what came out, in a sentence; may be empty
     */
    public static String run(String command, Map<String, String> options, Host host) {
        NativeLibrary.load();
        String[] pairs = options.entrySet().stream()
                .flatMap(option -> Arrays.asList(option.getKey(), option.getValue()).stream()).toArray(String[]::new);
        try {
            return Native.run(command, pairs, host);
        } catch (CommandException stopped) {
            throw MenuHints.named(stopped);
        }
    }

    private static Map<String, Object> with(Map<String, ?> options, Object... more) {
        Map<String, Object> all = new HashMap<>(options);
        for (int i = 0; i < more.length; i += 2) {
            all.put((String) more[i], more[i + 1]);
        }
        return all;
    }
}
