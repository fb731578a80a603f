package undulator.image;

import ij.CompositeImage;
import ij.ImagePlus;
import ij.WindowManager;
import ij.measure.Calibration;
import ij.process.LUT;
import java.awt.Color;

/** Makes the image of a {@link NewStack} and gives it what ImageJ's own commands would: calibration, LUT and so on. */
public final class NewImage {
    private static final String MICROMETRE = "\u00B5m";

    private NewImage() {
    }

    /**
     * An image made from nothing; voxels are in micrometres.
     *
     * @param title its title
     * @param made its slices
     * @return the image
     */
    public static ImagePlus fresh(String title, NewStack made) {
        ImagePlus image = made.image();
        Calibration calibration = new Calibration(image);
        calibration.setUnit(MICROMETRE);
        setVoxel(calibration, made.voxel());
        image.setCalibration(calibration);
        showRange(image, made.displayRange());
        return titled(image, title);
    }

    /**
     * The source on another grid: its grey values and how they are shown stay.
     *
     * @param source what was resampled
     * @param suffix added to its title
     * @param made the new slices
     * @return the image
     */
    public static ImagePlus onNewGrid(ImagePlus source, String suffix, NewStack made) {
        ImagePlus image = like(source, made, source.getNChannels(), made.slices(), source.getNFrames());
        moveOrigin(source.getCalibration(), image.getCalibration());
        if (!image.isComposite()) {
            image.setLut(source.getProcessor().getLut());
            image.setDisplayRange(source.getDisplayRangeMin(), source.getDisplayRangeMax());
        }
        return titled(image, source.getTitle() + suffix);
    }

    /**
     * The source with other grey values on its own grid.
     *
     * @param source what was restored
     * @param suffix added to its title
     * @param made the new slices
     * @return the image
     */
    public static ImagePlus onSameGrid(ImagePlus source, String suffix, NewStack made) {
        ImagePlus image = like(source, made, source.getNChannels(), source.getNSlices(), source.getNFrames());
        for (int i = 1; i <= image.getStackSize(); i++) {
            image.getStack().setSliceLabel(source.getStack().getSliceLabel(i), i);
        }
        // What a grey value meant in the source, it does not mean any longer.
        image.getCalibration().disableDensityCalibration();
        if (!image.isComposite()) {
            image.setLut(source.getProcessor().getLut());
        }
        showRange(image, made.displayRange());
        return titled(image, source.getTitle() + suffix);
    }

    /**
     * The source's grey values on a grid in the field of another image.
     *
     * @param source what was aligned
     * @param suffix added to its title
     * @param field whose calibration the new image takes
     * @param corner how far the grid's corner lies from the field's along x, y and z, in the field's unit
     * @param made the new slices
     * @return the image
     */
    public static ImagePlus onGridIn(ImagePlus source, String suffix, ImagePlus field, double[] corner,
            NewStack made) {
        ImagePlus image = like(source, made, 1, made.slices(), 1);
        Calibration calibration = field.getCalibration().copy();
        setVoxel(calibration, made.voxel());
        if (hasOrigin(calibration)) {
            moveOrigin(field.getCalibration(), calibration);
            calibration.xOrigin -= corner[0] / calibration.pixelWidth;
            calibration.yOrigin -= corner[1] / calibration.pixelHeight;
            calibration.zOrigin -= corner[2] / calibration.pixelDepth;
        }
        // ImageJ keeps a copy.
        image.setCalibration(calibration);
        image.setLut(source.getProcessor().getLut());
        image.setDisplayRange(source.getDisplayRangeMin(), source.getDisplayRangeMax());
        return titled(image, source.getTitle() + suffix);
    }

    /**
     * Two stacks drawn into one, on their grid: red and green if it has two channels.
     *
     * @param source one of the two
     * @param suffix added to its title
     * @param made the new slices
     * @return the image
     */
    public static ImagePlus over(ImagePlus source, String suffix, NewStack made) {
        ImagePlus image = made.image();
        image.setDimensions(made.channels(), made.slices(), 1);
        image.setCalibration(source.getCalibration().copy());
        image.getCalibration().disableDensityCalibration();
        if (made.channels() == 2) {
            image = new CompositeImage(image, CompositeImage.COMPOSITE);
            ((CompositeImage) image).setLuts(new LUT[] {inEightBits(Color.RED), inEightBits(Color.GREEN)});
            image.setOpenAsHyperStack(true);
        }
        return titled(image, source.getTitle() + suffix);
    }

    private static LUT inEightBits(Color colour) {
        LUT lut = LUT.createLutFromColor(colour);
        lut.min = 0;
        lut.max = 255;
        return lut;
    }

    private static ImagePlus like(ImagePlus source, NewStack made, int channels, int slices, int frames) {
        ImagePlus image = source.createImagePlus();
        image.setStack(made.stack());
        if (made.file() != null) {
            image.setFileInfo(made.file());
        }
        image.setDimensions(channels, slices, frames);
        setVoxel(image.getCalibration(), made.voxel());
        made.carryProperties(image);
        if (source.isComposite()) {
            CompositeImage composite = new CompositeImage(image, source.getCompositeMode());
            composite.copyLuts(source);
            image = composite;
        }
        image.setOpenAsHyperStack(source.isHyperStack());
        return image;
    }

    private static void setVoxel(Calibration calibration, double[] voxel) {
        calibration.pixelWidth = voxel[0];
        calibration.pixelHeight = voxel[1];
        calibration.pixelDepth = voxel[2];
    }

    /** Whether positions count from somewhere else than the first voxel's corner: cropping then moves it, as ImageJ does. */
    private static boolean hasOrigin(Calibration calibration) {
        return calibration.xOrigin != 0 || calibration.yOrigin != 0 || calibration.zOrigin != 0;
    }

    /** Both grids start at the corner of the same field, so the origin's distance from it stays. */
    private static void moveOrigin(Calibration from, Calibration to) {
        to.xOrigin = from.xOrigin * from.pixelWidth / to.pixelWidth;
        to.yOrigin = from.yOrigin * from.pixelHeight / to.pixelHeight;
        to.zOrigin = from.zOrigin * from.pixelDepth / to.pixelDepth;
    }

    private static void showRange(ImagePlus image, double[] range) {
        if (range == null) {
            image.resetDisplayRange();
        } else if (image.isComposite()) {
            CompositeImage composite = (CompositeImage) image;
            LUT[] luts = composite.getLuts();
            for (LUT lut : luts) {
                lut.min = range[0];
                lut.max = range[1];
            }
            composite.setLuts(luts);
        } else {
            image.setDisplayRange(range[0], range[1]);
        }
    }

    private static ImagePlus titled(ImagePlus image, String title) {
        image.setTitle(WindowManager.makeUniqueName(title));
        // What is in a file already need not be saved before it is closed.
        image.changes = !image.getStack().isVirtual();
        return image;
    }
}
