package undulator.image;

import ij.CompositeImage;
import ij.ImagePlus;
import ij.ImageStack;
import ij.WindowManager;
import ij.measure.Calibration;
import ij.process.LUT;
import java.awt.Color;
import undulator.NewImage;

/** Makes the image of a {@link NewStack} and gives it what ImageJ's own commands would: calibration, LUT and so on. */
final class ResultImage {
    private static final String MICROMETRE = "\u00B5m";

    private final NewImage wanted;
    private final ImagePlus source;
    private final ImagePlus field;
    private final NewStack stack;

    /** Of a source and in the field of an image, each null if there is none. */
    ResultImage(NewImage wanted, ImagePlus source, ImagePlus field, String memoryAdvice) {
        this.wanted = wanted;
        this.source = source;
        this.field = field;
        this.stack = new NewStack(title(), memoryAdvice);
    }

    private String title() {
        return source == null ? wanted.name() : source.getTitle() + "-" + wanted.name();
    }

    NewImage wanted() {
        return wanted;
    }

    NewStack stack() {
        return stack;
    }

    /** Takes the planes from a file. */
    void open(String path, double[] voxel, double[] greyScale) {
        stack.open(path, keepsGrid() ? labels(source) : null, voxel, greyScale);
    }

    private boolean keepsGrid() {
        return source != null && wanted.grid().equals(NewImage.SAME);
    }

    /** The labels of an image's slices, or null if none has one. */
    private static String[] labels(ImagePlus image) {
        ImageStack slices = image.getStack();
        String[] labels = new String[slices.getSize()];
        boolean any = false;
        for (int i = 0; i < labels.length; i++) {
            labels[i] = slices.getSliceLabel(i + 1);
            any |= labels[i] != null;
        }
        return any ? labels : null;
    }

    /** The image, or null if it was asked for but nothing was written. */
    ImagePlus make() {
        if (stack.stack() == null) {
            return null;
        }
        boolean overlay = wanted.greys().equals(NewImage.OVERLAY);
        boolean plain = source == null || overlay;
        ImagePlus image = plain ? new ImagePlus(title(), stack.stack()) : likeSource();
        int planes = stack.stack().getSize();
        image.setDimensions(wanted.channels(), planes / (wanted.channels() * wanted.frames()), wanted.frames());
        stack.properties().forEach(image::setProp);
        // ImageJ keeps a copy.
        image.setCalibration(calibration(image));
        // The copy of signed 16 bits lost its value unit.
        GreyScale.set(image.getLocalCalibration(), stack.greyScale(), wanted.valueUnit());
        if (keepsGrid()) {
            for (int i = 1; i <= planes; i++) {
                image.getStack().setSliceLabel(source.getStack().getSliceLabel(i), i);
            }
        }
        image = overlay ? coloured(image) : plain ? image : composedLikeSource(image);
        showGreys(image);
        image.setTitle(WindowManager.makeUniqueName(title()));
        // What is in a file already need not be saved before it is closed.
        image.changes = !image.getStack().isVirtual();
        return image;
    }

    private ImagePlus likeSource() {
        ImagePlus image = source.createImagePlus();
        image.setStack(stack.stack());
        if (stack.file() != null) {
            image.setFileInfo(stack.file());
        }
        return image;
    }

    private ImagePlus composedLikeSource(ImagePlus image) {
        ImagePlus composed = image;
        if (source.isComposite() && image.getNChannels() == source.getNChannels()) {
            CompositeImage composite = new CompositeImage(image, source.getCompositeMode());
            composite.copyLuts(source);
            composed = composite;
        }
        composed.setOpenAsHyperStack(source.isHyperStack());
        return composed;
    }

    /** Red and green if there are two channels. */
    private static ImagePlus coloured(ImagePlus image) {
        if (image.getNChannels() < 2) {
            return image;
        }
        CompositeImage composite = new CompositeImage(image, CompositeImage.COMPOSITE);
        composite.setLuts(new LUT[] {inEightBits(Color.RED), inEightBits(Color.GREEN)});
        composite.setOpenAsHyperStack(true);
        return composite;
    }

    private static LUT inEightBits(Color colour) {
        LUT lut = LUT.createLutFromColor(colour);
        lut.min = 0;
        lut.max = 255;
        return lut;
    }

    private Calibration calibration(ImagePlus image) {
        Calibration calibration = source == null ? inMicrometres(image)
                : (field == null ? source : field).getCalibration().copy();
        Calibration before = calibration.copy();
        calibration.pixelWidth = stack.voxel()[0];
        calibration.pixelHeight = stack.voxel()[1];
        calibration.pixelDepth = stack.voxel()[2];
        // Edges come in the unit along x.
        calibration.setYUnit(null);
        calibration.setZUnit(null);
        if (!keepsGrid() && hasOrigin(before)) {
            moveOrigin(before, calibration);
        }
        return calibration;
    }

    private static Calibration inMicrometres(ImagePlus image) {
        Calibration calibration = new Calibration(image);
        calibration.setUnit(MICROMETRE);
        return calibration;
    }

    /** Whether positions count from somewhere else than the first voxel's corner: cropping then moves it, as ImageJ does. */
    private static boolean hasOrigin(Calibration calibration) {
        return calibration.xOrigin != 0 || calibration.yOrigin != 0 || calibration.zOrigin != 0;
    }

    /** The origin stays where it is in the field, which starts at one corner of the new grid or away from it. */
    private void moveOrigin(Calibration from, Calibration to) {
        double[] corner = wanted.corner() == null ? new double[3] : wanted.corner();
        to.xOrigin = (from.xOrigin * from.pixelWidth - corner[0]) / to.pixelWidth;
        to.yOrigin = (from.yOrigin * from.pixelHeight - corner[1]) / to.pixelHeight;
        to.zOrigin = (from.zOrigin * from.pixelDepth - corner[2]) / to.pixelDepth;
    }

    private void showGreys(ImagePlus image) {
        boolean asSource = wanted.greys().equals(NewImage.SOURCE);
        boolean overlay = wanted.greys().equals(NewImage.OVERLAY);
        if (source != null && !overlay && !image.isComposite()) {
            image.setLut(source.getProcessor().getLut());
            if (asSource && image.getBitDepth() == source.getBitDepth()) {
                image.setDisplayRange(source.getDisplayRangeMin(), source.getDisplayRangeMax());
            } else if (asSource) {
                showAsSource(image);
            }
        }
        if (!asSource && !overlay) {
            showRange(image, stack.displayRange());
        }
    }

    /** Stored numbers of the source have become grey values in 32 bits. */
    private void showAsSource(ImagePlus image) {
        Calibration calibration = source.getCalibration();
        double black = calibration.getCValue(source.getDisplayRangeMin());
        double white = calibration.getCValue(source.getDisplayRangeMax());
        image.setDisplayRange(Math.min(black, white), Math.max(black, white));
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
}
