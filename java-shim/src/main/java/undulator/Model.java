package undulator;

import java.io.File;
import undulator.model.ModelFolder;

/** A model file. */
public final class Model {
    private final File file;

    private Model(File file) {
        this.file = file;
    }

    /**
     * A model that needs no path.
     *
     * @param name of a model in ImageJ's folder {@code models}, or of one that came with the plugin
     * @return the model
     * @throws CommandException if there is no such model
     */
    public static Model named(String name) {
        Model model = new Model(new File(ModelFolder.find(name)));
        if (!model.file.isFile()) {
            throw new CommandException(CommandException.MODEL, "there is no model called " + name,
                    "choose one of " + String.join(", ", ModelFolder.names()));
        }
        return model;
    }

    /**
     * The model in a file. What is in it is looked at when it is used.
     *
     * @param file the file
     * @return the model
     */
    public static Model of(File file) {
        return new Model(file);
    }

    /**
     * The model in a file. What is in it is looked at when it is used.
     *
     * @param path the file
     * @return the model
     */
    public static Model of(String path) {
        return of(new File(path));
    }

    /**
     * Where it is.
     *
     * @return the file
     */
    public File file() {
        return file;
    }

    @Override
    public String toString() {
        return file.getPath();
    }
}
