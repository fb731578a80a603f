package undulator.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ij.CompositeImage;
import ij.ImagePlus;
import ij.ImageStack;
import ij.VirtualStack;
import ij.io.FileSaver;
import ij.measure.Calibration;
import ij.plugin.FileInfoVirtualStack;
import ij.process.FloatProcessor;
import ij.process.LUT;
import ij.process.ShortProcessor;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import undulator.CommandException;
import undulator.NewImage;
import undulator.StackSink;
import undulator.StackSource;

/** What goes in keeps its arrays, and what comes out keeps what the source said of itself. */
class ImagesTest {
    /** A stack whose slice n holds n everywhere. */
    private static ImagePlus numbered(int width, int height, int slices) {
        ImageStack stack = new ImageStack(width, height);
        for (int i = 1; i <= slices; i++) {
            stack.addSlice("slice " + i, new FloatProcessor(width, height, filled(width * height, i)));
        }
        return new ImagePlus("scan.tif", stack);
    }

    private static float[] filled(int length, float value) {
        float[] pixels = new float[length];
        java.util.Arrays.fill(pixels, value);
        return pixels;
    }

    private static void write(StackSink sink, int width, int height, int planes, double voxel, float first) {
        sink.begin(width, height, planes, 32, new double[] {voxel, voxel, voxel}, new double[] {0, 1});
        for (int i = 0; i < planes; i++) {
            sink.write(i, filled(width * height, first + i));
        }
    }

    private static NewImage wanted(String name, String grid, String greys, int channels, int frames) {
        return new NewImage(name, "image", grid, null, null, greys, "", channels, frames, true);
    }

    private static ResultImage result(ImagePlus source, NewImage wanted) {
        return new ResultImage(wanted, source, null, "");
    }

    @Test
    void aSourceHandsOutTheImagesOwnArraysEvenAfterItWasClosed() {
        ImagePlus image = numbered(4, 3, 5);
        Object third = image.getStack().getPixels(3);
        StackSource source = new ImageSource(image);
        image.flush();
        assertArrayEquals(new int[] {4, 3, 5, 32}, source.size());
        assertSame(third, source.read(2));
    }

    @Test
    void aVirtualStackIsReadSliceBySliceAndADeletedFileIsNoBlackSlice(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("scan.tif");
        new FileSaver(numbered(4, 3, 5)).saveAsTiffStack(file.toString());
        StackSource source = new ImageSource(FileInfoVirtualStack.openVirtual(file.toString()));
        assertEquals(3f, ((float[]) source.read(2))[0]);
        assertNotSame(source.read(2), source.read(2));
        Files.delete(file);
        assertThrows(CommandException.class, () -> source.read(3));
    }

    @Test
    void aMissingFileOfASequenceIsNamed(@TempDir Path folder) throws IOException {
        VirtualStack sequence = new VirtualStack(4, 3, null, folder.toString());
        for (int i = 1; i <= 3; i++) {
            ImagePlus slice = new ImagePlus("", new FloatProcessor(4, 3, filled(12, i)));
            new FileSaver(slice).saveAsTiff(folder.resolve("slice" + i + ".tif").toString());
            sequence.addSlice("slice" + i + ".tif");
        }
        sequence.setBitDepth(32);
        StackSource source = new ImageSource(new ImagePlus("sequence", sequence));
        assertEquals(2f, ((float[]) source.read(1))[0]);
        Files.delete(folder.resolve("slice2.tif"));
        CommandException missing = assertThrows(CommandException.class, () -> source.read(1));
        assertTrue(missing.getMessage().contains(folder.resolve("slice2.tif") + " is missing"), missing.getMessage());
        assertEquals(3f, ((float[]) source.read(2))[0]);
    }

    @Test
    void theMarkOfFillerIsReadFromAnImageAndFromItsSavedFile(@TempDir Path folder) {
        ImagePlus image = numbered(4, 3, 5);
        assertFalse(new ImageSource(image).hasFiller());
        image.setProp("undulator.filler", "lowest");
        assertTrue(new ImageSource(image).hasFiller());
        String file = folder.resolve("aligned.tif").toString();
        new FileSaver(image).saveAsTiffStack(file);
        assertTrue(new ImageSource(ij.IJ.openImage(file)).hasFiller());
    }

    @Test
    void aSourceReadsAllPlanesInTheOrderOfTheStack() {
        ImagePlus image = numbered(2, 2, 2 * 3 * 2);
        image.setDimensions(2, 3, 2);
        image.getCalibration().setUnit("nm");
        StackSource source = new ImageSource(image);
        assertArrayEquals(new int[] {2, 2, 12, 32}, source.size());
        assertEquals(2, source.channels());
        assertEquals(2, source.frames());
        assertEquals("nm", source.unit(2));
        assertEquals(8f, ((float[]) source.read(7))[0]);
    }

    @Test
    void anImageOnANewGridKeepsTheSourcesLookAndUnit() {
        ImagePlus source = numbered(8, 8, 8);
        Calibration calibration = source.getCalibration();
        calibration.setUnit("nm");
        calibration.pixelWidth = calibration.pixelHeight = 2;
        calibration.pixelDepth = 3;
        calibration.xOrigin = 4;
        calibration.zOrigin = 2;
        calibration.frameInterval = 7;
        source.setProperty("Info", "scanned on a Monday");
        source.setProp("Sample", "cathode");
        source.setLut(LUT.createLutFromColor(Color.GREEN));
        source.setDisplayRange(2, 5);
        ResultImage made = result(source, wanted("resampled", NewImage.RESAMPLED, NewImage.SOURCE, 1, 1));
        write(made.stack(), 4, 4, 6, 4, 1);
        made.stack().property("undulator.note", "kept");

        ImagePlus image = made.make();

        assertEquals("scan.tif-resampled", image.getTitle());
        assertEquals(4, image.getCalibration().pixelDepth);
        assertEquals("nm", image.getCalibration().getUnit());
        assertEquals(7, image.getCalibration().frameInterval);
        // The origin lies 8 nm and 6 nm into the field, as before.
        assertEquals(2, image.getCalibration().xOrigin);
        assertEquals(1.5, image.getCalibration().zOrigin);
        assertEquals("scanned on a Monday", image.getProperty("Info"));
        assertEquals("cathode", image.getProp("Sample"));
        assertEquals("kept", image.getProp("undulator.note"));
        assertEquals(2, image.getDisplayRangeMin());
        assertEquals(5, image.getDisplayRangeMax());
        assertEquals(source.getProcessor().getLut().getRGB(200), image.getProcessor().getLut().getRGB(200));
        assertEquals(2, source.getCalibration().pixelWidth, "the source's own calibration");
    }

    @Test
    void anImageInAnotherFieldTakesItsCalibrationAndItsOrigin() {
        ImagePlus source = numbered(8, 8, 8);
        source.setDisplayRange(2, 5);
        ImagePlus field = numbered(9, 9, 9);
        field.getCalibration().setUnit("nm");
        field.getCalibration().pixelWidth = field.getCalibration().pixelHeight = field.getCalibration().pixelDepth = 3;
        field.getCalibration().xOrigin = 4;
        NewImage wanted = new NewImage("aligned", "moving", NewImage.WITHIN, "reference", new double[] {6, 3, 0},
                NewImage.SOURCE, "", 1, 1, true);
        ResultImage made = new ResultImage(wanted, source, field, "");
        write(made.stack(), 4, 4, 6, 2, 1);

        ImagePlus image = made.make();

        assertEquals("scan.tif-aligned", image.getTitle());
        assertEquals("nm", image.getCalibration().getUnit());
        assertEquals(2, image.getCalibration().pixelWidth);
        // 12 nm into the field, of which 6 nm were cut off.
        assertEquals(3, image.getCalibration().xOrigin);
        assertEquals(-1.5, image.getCalibration().yOrigin);
        assertEquals(2, image.getDisplayRangeMin());
    }

    @Test
    void anOverlayOfTwoChannelsIsRedAndGreen() {
        NewImage wanted = new NewImage("aligned-overlay", "moving", NewImage.WITHIN, "reference", new double[3],
                NewImage.OVERLAY, "", 2, 1, false);
        ResultImage made = new ResultImage(wanted, numbered(4, 4, 3), numbered(4, 4, 3), "");
        made.stack().begin(4, 4, 6, 8, new double[] {1, 1, 1}, new double[] {0, 1});
        for (int i = 0; i < 6; i++) {
            made.stack().write(i, new byte[16]);
        }
        assertEquals(16, ((byte[]) made.stack().read(5)).length);

        ImagePlus image = made.make();

        assertEquals("scan.tif-aligned-overlay", image.getTitle());
        assertArrayEquals(new int[] {4, 4, 2, 3, 1}, image.getDimensions());
        assertTrue(image.isComposite());
        assertEquals(Color.GREEN.getRGB(), ((CompositeImage) image).getLuts()[1].getRGB(255));
    }

    @Test
    void aHyperstackStaysOne() {
        ImagePlus plain = numbered(2, 2, 2 * 4 * 3);
        plain.setDimensions(2, 4, 3);
        plain.setOpenAsHyperStack(true);
        CompositeImage source = new CompositeImage(plain, CompositeImage.COMPOSITE);
        source.setOpenAsHyperStack(true);
        ResultImage made = result(source, wanted("resampled", NewImage.RESAMPLED, NewImage.SOURCE, 2, 3));
        write(made.stack(), 1, 1, 2 * 2 * 3, 2, 1);

        ImagePlus image = made.make();

        assertArrayEquals(new int[] {1, 1, 2, 2, 3}, image.getDimensions());
        assertTrue(image.isHyperStack() && image.isComposite());
        assertEquals(12f, ((float[]) image.getStack().getPixels(image.getStackIndex(2, 2, 3)))[0]);
        assertEquals(1f, ((float[]) image.getStack().getPixels(image.getStackIndex(1, 1, 1)))[0]);
    }

    @Test
    void anImageOnTheSameGridKeepsLabelsButNotTheMeaningOfGreyValues() {
        ImagePlus source = numbered(2, 2, 3);
        source.getCalibration().setFunction(Calibration.STRAIGHT_LINE, new double[] {0, 2}, "HU");
        ResultImage made = result(source, wanted("restored", NewImage.SAME, NewImage.OTHER, 1, 1));
        write(made.stack(), 2, 2, 3, 1, 5);
        made.stack().displayRange(-1, 9);

        ImagePlus image = made.make();

        assertEquals("slice 2", image.getStack().getSliceLabel(2));
        assertFalse(image.getCalibration().calibrated());
        assertEquals(-1, image.getDisplayRangeMin());
        assertEquals(9, image.getDisplayRangeMax());
    }

    private static ImagePlus calibrated(int function, double[] coefficients, String unit) {
        ImagePlus image = new ImagePlus("scan.tif", new ShortProcessor(2, 1, new short[] {0, 100}, null));
        image.getCalibration().setFunction(function, coefficients, unit);
        return image;
    }

    @Test
    void aStraightLineOfGreyValuesStaysInItsType() {
        ImageSource source = new ImageSource(calibrated(Calibration.STRAIGHT_LINE, new double[] {-1024, 0.5}, "HU"));
        assertEquals(16, source.size()[3]);
        assertArrayEquals(new double[] {-1024, 0.5}, source.greyScale());
        assertEquals("HU", source.valueUnit());
        assertArrayEquals(new short[] {0, 100}, (short[]) source.read(0));
        ImageSource plain = new ImageSource(numbered(2, 2, 1));
        assertArrayEquals(new double[] {0, 1}, plain.greyScale());
        assertEquals("", plain.valueUnit());
    }

    @Test
    void aCurveOfGreyValuesBecomesFloats() {
        ImageSource source = new ImageSource(calibrated(Calibration.POLY2, new double[] {1, 0, 0.01}, "OD"));
        assertEquals(32, source.size()[3]);
        assertArrayEquals(new double[] {0, 1}, source.greyScale());
        assertArrayEquals(new float[] {1, 101}, (float[]) source.read(0), 1e-3f);
    }

    @Test
    void aResultHasTheGreyScaleThatTheLibraryGivesIt() {
        ImagePlus source = calibrated(Calibration.STRAIGHT_LINE, new double[] {-1024, 0.5}, "HU");
        for (double[] scale : new double[][] {{-32768, 1}, {0, 1}, {10, 2}}) {
            NewImage wanted = new NewImage("restored", "image", NewImage.SAME, null, null, NewImage.OTHER, "mm/m", 1, 1,
                    true);
            ResultImage made = result(source, wanted);
            made.stack().begin(2, 1, 1, 16, new double[] {1, 1, 1}, scale);
            made.stack().write(0, new short[] {0, 7});
            Calibration calibration = made.make().getCalibration();
            assertEquals(scale[0] + 7 * scale[1], calibration.getCValue(7), 1e-9);
            assertEquals(scale[0] == -32768, calibration.isSigned16Bit());
            assertEquals("mm/m", calibration.getValueUnit());
        }
    }

    @Test
    void anImageMadeFromNothingIsInMicrometres() {
        ResultImage made = new ResultImage(new NewImage("laboratory", null, NewImage.SAME, null, null, NewImage.OTHER,
                "", 1, 1, false), null, null, "");
        assertNull(made.make(), "nothing was written");
        write(made.stack(), 2, 2, 3, 0.6, 5);
        ImagePlus image = made.make();
        assertEquals("laboratory", image.getTitle());
        assertEquals("\u00B5m", image.getCalibration().getUnit());
        assertEquals(0.6, image.getCalibration().pixelDepth);
    }

    @Test
    void aStackBeyondTheMemoryIsRefusedBeforeItIsMade() {
        NewStack made = new NewStack("huge", ". Or let the result go to a file");
        CommandException refused = assertThrows(CommandException.class,
                () -> made.begin(40_000, 40_000, 40_000, 32, new double[3], new double[] {0, 1}));
        assertTrue(refused.getMessage().startsWith("huge needs 244140625 MB"), refused.getMessage());
        assertTrue(refused.advice().endsWith("Or let the result go to a file"), refused.advice());
        assertEquals("memory", refused.code());
        assertNull(made.stack());
    }
}
