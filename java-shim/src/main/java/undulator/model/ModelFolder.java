package undulator.model;

import ij.IJ;
import java.io.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The folder {@code models} beside ImageJ, where Fiji's plugins look for models. */
public final class ModelFolder {
    private static final String ENDING = ".zip";

    private ModelFolder() {
    }

    /**
     * Where models are installed.
     *
     * @return the folder, which may not exist yet
     */
    public static File folder() {
        String imagej = IJ.getDirectory("imagej");
        return new File(imagej == null ? System.getProperty("user.dir") : imagej, "models");
    }

    /**
     * The model files of a folder.
     *
     * @param folder that may not exist
     * @return the files in the order of their names
     */
    public static List<File> files(File folder) {
        File[] found = folder.listFiles((place, name) -> name.endsWith(ENDING));
        List<File> files = new ArrayList<>(found == null ? new ArrayList<>() : Arrays.asList(found));
        files.sort(null);
        return files;
    }

    /**
     * The names of what {@link #find} finds without a path.
     *
     * @return file names without their ending
     */
    public static List<String> names() {
        List<String> names = new ArrayList<>();
        for (File file : files(folder())) {
            names.add(file.getName().substring(0, file.getName().length() - ENDING.length()));
        }
        for (String shipped : ShippedModels.names()) {
            if (!names.contains(shipped)) {
                names.add(shipped);
            }
        }
        return names;
    }

    /**
     * The file that an option names: a path, or the name of an installed model or of one that came with the plugin.
     *
     * @param given path or name
     * @return the file; what was given if there is no such model
     */
    public static String find(String given) {
        boolean bare = new File(given).getName().equals(given);
        if (!bare || new File(given).exists()) {
            return given;
        }
        for (String name : new String[] {given, given + ENDING}) {
            File installed = new File(folder(), name);
            if (installed.isFile()) {
                return installed.getPath();
            }
        }
        File shipped = ShippedModels.unpack(given);
        return shipped == null ? given : shipped.getPath();
    }
}
