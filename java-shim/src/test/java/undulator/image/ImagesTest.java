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
import ij.io.FileSaver;
import ij.measure.Calibration;
import ij.plugin.FileInfoVirtualStack;
import ij.process.FloatProcessor;
import ij.process.LUT;
import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import undulator.CommandException;
import undulator.StackSink;

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

    private static void write(StackSink sink, int width, int height, int slices, double voxel, float first) {
        sink.begin(width, height, slices, 32, voxel, voxel, voxel);
        for (int i = 0; i < slices; i++) {
            sink.write(i, filled(width * height, first + i));
        }
    }

    @Test
    void aSourceHandsOutTheImagesOwnArraysEvenAfterItWasClosed() {
        ImagePlus image = numbered(4, 3, 5);
        Object third = image.getStack().getPixels(3);
        ImageSource source = ImageSource.ofAll(image);
        image.flush();
        assertArrayEquals(new int[] {4, 3, 5, 32}, source.size());
        assertSame(third, source.read(2));
    }

    @Test
    void aVirtualStackIsReadSliceBySliceAndADeletedFileIsNoBlackSlice(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("scan.tif");
        new FileSaver(numbered(4, 3, 5)).saveAsTiffStack(file.toString());
        ImageSource source = ImageSource.ofAll(FileInfoVirtualStack.openVirtual(file.toString()));
        assertEquals(3f, ((float[]) source.read(2))[0]);
        assertNotSame(source.read(2), source.read(2));
        Files.delete(file);
        assertThrows(CommandException.class, () -> source.read(3));
    }

    @Test
    void aSourceOfOneChannelReadsItsSlicesOnly() {
        ImagePlus image = numbered(2, 2, 2 * 3 * 2);
        image.setDimensions(2, 3, 2);
        ImageSource source = ImageSource.ofVolume(image, 2, 2);
        assertEquals(3, source.size()[2]);
        // Frame 2 starts at slice 7; channel 2 is every second one.
        assertEquals(8f, ((float[]) source.read(0))[0]);
        assertEquals(12f, ((float[]) source.read(2))[0]);
    }

    @Test
    void aTimeSeriesOfSingleSlicesIsAVolumeButManyVolumesAreNot() {
        ImagePlus series = numbered(2, 2, 6);
        series.setDimensions(1, 1, 6);
        assertEquals(6, ImageSource.ofOneVolume(series).size()[2]);
        series.setDimensions(1, 3, 2);
        assertThrows(CommandException.class, () -> ImageSource.ofOneVolume(series));
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
        NewStack made = new NewStack("made");
        write(made.sink(), 4, 4, 6, 4, 1);
        made.sink().property("undulator.note", "kept");

        ImagePlus image = NewImage.onNewGrid(source, "-resampled", made);

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
    void aHyperstackIsFilledVolumeByVolume() {
        ImagePlus plain = numbered(2, 2, 2 * 4 * 3);
        plain.setDimensions(2, 4, 3);
        plain.setOpenAsHyperStack(true);
        CompositeImage source = new CompositeImage(plain, CompositeImage.COMPOSITE);
        source.setOpenAsHyperStack(true);
        NewStack made = new NewStack("made", 2, 3);
        for (int frame = 1; frame <= 3; frame++) {
            for (int channel = 1; channel <= 2; channel++) {
                write(made.volume(channel, frame), 1, 1, 2, 2, 100 * frame + 10 * channel);
            }
        }

        ImagePlus image = NewImage.onNewGrid(source, "-resampled", made);

        assertArrayEquals(new int[] {1, 1, 2, 2, 3}, image.getDimensions());
        assertTrue(image.isHyperStack() && image.isComposite());
        assertEquals(321f, ((float[]) image.getStack().getPixels(image.getStackIndex(2, 2, 3)))[0]);
        assertEquals(110f, ((float[]) image.getStack().getPixels(image.getStackIndex(1, 1, 1)))[0]);
    }

    @Test
    void anImageOnTheSameGridKeepsLabelsButNotTheMeaningOfGreyValues() {
        ImagePlus source = numbered(2, 2, 3);
        source.getCalibration().setFunction(Calibration.STRAIGHT_LINE, new double[] {0, 2}, "HU");
        NewStack made = new NewStack("made");
        write(made.sink(), 2, 2, 3, 1, 5);
        made.sink().displayRange(-1, 9);

        ImagePlus image = NewImage.onSameGrid(source, "-restored", made);

        assertEquals("slice 2", image.getStack().getSliceLabel(2));
        assertFalse(image.getCalibration().calibrated());
        assertEquals(-1, image.getDisplayRangeMin());
        assertEquals(9, image.getDisplayRangeMax());
    }

    @Test
    void aStackBeyondTheMemoryIsRefusedBeforeItIsMade() {
        NewStack made = new NewStack("huge");
        CommandException refused = assertThrows(CommandException.class,
                () -> made.sink().begin(40_000, 40_000, 40_000, 32, 1, 1, 1));
        assertTrue(refused.getMessage().startsWith("huge needs 244140625 MB"), refused.getMessage());
        assertNull(made.stack());
    }
}
