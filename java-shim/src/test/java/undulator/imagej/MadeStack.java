package undulator.imagej;

import ij.ImagePlus;
import ij.VirtualStack;
import ij.process.ByteProcessor;
import ij.process.ImageProcessor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A virtual stack whose slices are made when they are asked for, and are in memory no longer than that. */
final class MadeStack extends VirtualStack {
    private final int edge = Integer.getInteger("undulator.edge");
    private final int slices = Integer.getInteger("undulator.slices");

    /** Shows it, with a calibration. */
    static void show() {
        ImagePlus image = new ImagePlus("made", new MadeStack());
        image.getCalibration().setUnit("\u00B5m");
        image.getCalibration().pixelWidth = image.getCalibration().pixelHeight = 0.31;
        image.getCalibration().pixelDepth = 0.5;
        image.show();
    }

    /** Prints the most memory that this process ever had. */
    static void printPeak() {
        try {
            Files.readAllLines(Path.of("/proc/self/status")).stream().filter(line -> line.startsWith("VmHWM"))
                    .forEach(line -> System.out.println(line.replaceAll("\\s+", " ")));
        } catch (IOException notLinux) {
            System.out.println("VmHWM: unknown");
        }
    }

    @Override
    public ImageProcessor getProcessor(int n) {
        byte[] pixels = new byte[edge * edge];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) ((n * 31 + i * 7 + i / edge * 3) % 250);
        }
        return new ByteProcessor(edge, edge, pixels);
    }

    @Override
    public String getSliceLabel(int n) {
        return "slice " + n;
    }

    @Override
    public int getWidth() {
        return edge;
    }

    @Override
    public int getHeight() {
        return edge;
    }

    @Override
    public int getSize() {
        return slices;
    }

    @Override
    public int getBitDepth() {
        return 8;
    }
}
