package undulator.model;

import ij.IJ;
import ij.plugin.DragAndDrop;
import java.io.File;
import java.io.IOException;
import java.util.function.Consumer;
import java.util.zip.ZipFile;

/** Opens the card of a model that is dropped onto ImageJ's window, and everything else as ImageJ does. */
public final class ModelDrop extends DragAndDrop {
    private static boolean installed;

    private final Consumer<File> show;

    private ModelDrop(Consumer<File> show) {
        this.show = show;
    }

    /**
     * From now on takes what is dropped, where there is a window.
     *
     * @param show what to do with a model
     */
    public static synchronized void install(Consumer<File> show) {
        if (!installed && IJ.getInstance() != null) {
            installed = true;
            new ModelDrop(show).run("");
        }
    }

    @Override
    public void openFile(File file) {
        if (isModel(file)) {
            show.accept(file);
        } else {
            super.openFile(file);
        }
    }

    /** Whether it looks like a bioimage.io package; whether it is one is for the library to say. */
    static boolean isModel(File file) {
        if (file == null || !file.isFile() || !file.getName().endsWith(".zip")) {
            return false;
        }
        try (ZipFile zip = new ZipFile(file)) {
            return zip.getEntry("rdf.yaml") != null || zip.getEntry("bioimageio.yaml") != null;
        } catch (IOException noZip) {
            return false;
        }
    }
}
