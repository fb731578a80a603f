package undulator.image;

import ij.ImagePlus;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import undulator.Host;
import undulator.NewImage;
import undulator.StackSink;
import undulator.StackSource;
import undulator.model.ModelFolder;

/** The images and models of ImageJ for a command: images stay locked until it is closed. */
public abstract class ImagesHost implements Host, AutoCloseable {
    private final Map<String, ImagePlus> given;
    private final String memoryAdvice;
    private final Map<String, ImagePlus> sources = new LinkedHashMap<>();
    private final List<ResultImage> results = new ArrayList<>();
    private final Set<ImagePlus> told = new HashSet<>();
    private final LockedImages locked = new LockedImages();

    /**
     * For one run of a command.
     *
     * @param given images by option, which need not be open; the others are found by their titles
     * @param writesFiles whether the command can write its result to a file, which a full memory is told of
     */
    protected ImagesHost(Map<String, ImagePlus> given, boolean writesFiles) {
        this.given = given;
        this.memoryAdvice = writesFiles ? ". Or let the result go to a file: output=[/data/result.tif]" : "";
    }

    @Override
    public final StackSource image(String key, String name) {
        ImagePlus image = given.get(key);
        image = OpenImages.grey(image == null ? OpenImages.find(key, name) : image);
        locked.lock(image);
        sources.put(key, image);
        sayWhatIsIgnored(image);
        return new ImageSource(image);
    }

    /** Commands work on whole stacks and on grey values alone. */
    private void sayWhatIsIgnored(ImagePlus image) {
        boolean isSaid = !told.add(image);
        if (!isSaid && image.getRoi() != null) {
            message("The selection in \"" + image.getTitle() + "\" is ignored: the whole stack is used. Image > Crop "
                    + "or Image > Duplicate... makes a stack of what it encloses");
        }
        if (!isSaid && image.getOverlay() != null) {
            message("The overlay of \"" + image.getTitle() + "\" is ignored: it is no part of the grey values");
        }
    }

    /**
     * An image that the command reads.
     *
     * @param key the option
     * @return the image; null before the command asked for it
     */
    protected final ImagePlus source(String key) {
        return sources.get(key);
    }

    @Override
    public final StackSink create(NewImage image) {
        return result(image).stack();
    }

    @Override
    public final void open(NewImage image, String path, double[] voxel, double[] greyScale) {
        result(image).open(path, voxel, greyScale);
    }

    private ResultImage result(NewImage image) {
        ResultImage result = new ResultImage(image, sources.get(image.source()), sources.get(image.field()), memoryAdvice);
        results.add(result);
        return result;
    }

    /**
     * The new images, when the command has ended well.
     *
     * @return by their names, the one to look at last; none is shown yet
     */
    public final Map<String, ImagePlus> newImages() {
        results.sort(Comparator.comparing(result -> result.wanted().isMain()));
        Map<String, ImagePlus> images = new LinkedHashMap<>();
        for (ResultImage result : results) {
            ImagePlus image = result.make();
            if (image != null) {
                images.put(result.wanted().name(), image);
            }
        }
        return Collections.unmodifiableMap(images);
    }

    @Override
    public String model(String name) {
        return ModelFolder.find(name);
    }

    @Override
    public String models() {
        return ModelFolder.folder().getPath();
    }

    @Override
    public void close() {
        locked.close();
    }
}
