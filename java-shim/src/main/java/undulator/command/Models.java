package undulator.command;

import ij.IJ;
import ij.ImagePlus;
import ij.WindowManager;
import ij.macro.Interpreter;
import java.io.File;
import undulator.CommandException;
import undulator.Native;
import undulator.image.ImageSource;
import undulator.model.CardRecord;
import undulator.model.ModelFolder;
import undulator.model.ModelWindow;
import undulator.option.Key;
import undulator.option.Options;

/** Plugins &gt; Undulator &gt; Undulator Models...: looks at model files, installs them, and takes them apart. */
public final class Models extends Command {
    private static final String NAME = "Undulator Models";
    private static final String HELP = "<html><h2>Undulator Models</h2>"
            + "<p>A model file is a bioimage.io package: deepImageJ and Python run it too.</p>"
            + "<p><b>Inspect</b> shows its card, and says if its voxel size is not that of the open image.</p>"
            + "<p><b>Install</b> copies it to the folder <i>models</i> of ImageJ: <i>Apply</i> then takes its bare "
            + "name.</p>"
            + "<p><b>List</b> makes a table of the models in a folder.</p>"
            + "<p><b>Export</b> writes the network as ONNX, or its weights as safetensors, for other programs.</p>"
            + "<p><b>Verify</b> runs it on the test image in the package.</p>"
            + "<p><b>Folder.</b> Where to install, list or export; empty for <i>models</i> of ImageJ. A model dropped "
            + "onto ImageJ's window is inspected, once a command of Undulator has run.</p></html>";

    /** For ImageJ. */
    public Models() {
        super(NAME, "Looks at a model file, installs it for Apply, or takes it apart for other programs.",
                Key.choice("Action", "Inspect", "Install", "List", "Export", "Verify"),
                Key.model("Model file or name").optional(),
                Key.folder("Folder (may stay empty: ImageJ's models)").optional(),
                Key.choice("Format of an export", "ONNX", "Safetensors"),
                Key.flag("Force (replace an older file)").beside());
    }

    @Override
    String help() {
        return HELP;
    }

    @Override
    void run(Options options, Job job) {
        String action = options.get("action");
        if (options.get("folder").isEmpty()) {
            run(options.with("folder", ModelFolder.folder().getPath()), job);
            return;
        }
        if (action.equals("List")) {
            list(new File(options.get("folder")), options, job);
            return;
        }
        if (options.get("model").isEmpty()) {
            throw new CommandException("The option model is missing: name the file, for example "
                    + "model=[/data/my model.zip], or a model of the list: " + String.join(", ", ModelFolder.names()));
        }
        Options found = options.with("model", ModelFolder.find(options.get("model")));
        act(action, found, job);
    }

    private static void act(String action, Options options, Job job) {
        switch (action) {
            case "Install":
                tell(job, "File", Native.installModel(options.forNative()), "installed");
                break;
            case "Export":
                tell(job, "File", Native.exportModel(options.forNative()), "written");
                break;
            case "Verify":
                String words = Native.verifyModel(options.forNative());
                row(job, new File(options.get("model")), read(options));
                job.log(options.get("model") + ": " + words);
                break;
            default:
                inspect(options, job);
        }
    }

    private static void tell(Job job, String column, String file, String done) {
        job.row(new String[] {column}, new String[] {file});
        job.log(NAME + ": " + done + " " + file);
    }

    private static void inspect(Options options, Job job) {
        CardRecord card = read(options);
        row(job, new File(options.get("model")), card);
        card.facts().forEach((name, value) -> job.log(name + ": " + value));
        job.log(card.check());
        if (!card.warning().isEmpty()) {
            job.log("Warning: " + card.warning());
        }
        if (IJ.getInstance() != null && !Interpreter.isBatchMode()) {
            ModelWindow.open(new File(options.get("model")), card, () -> IJ.run(NAME + "...",
                    "action=Install model=[" + options.get("model") + "]"));
        }
    }

    /** Shows the card of a model, whatever command ran before. */
    static void inspect(File file) {
        IJ.run(NAME + "...", "action=Inspect model=[" + file.getPath() + "]");
    }

    private static void list(File folder, Options options, Job job) {
        for (File file : ModelFolder.files(folder)) {
            try {
                row(job, file, read(options.with("model", file.getPath())));
            } catch (IllegalArgumentException noModel) {
                job.log(noModel.getMessage());
            }
        }
    }

    private static CardRecord read(Options options) {
        CardRecord card = new CardRecord();
        ImagePlus open = WindowManager.getCurrentImage();
        boolean grey = open != null && open.getBitDepth() != 24;
        Native.inspectModel(options.forNative(), grey ? ImageSource.ofAll(open) : null, card);
        return card;
    }

    private static void row(Job job, File file, CardRecord card) {
        double[] scores = card.scores();
        job.row(new String[] {"File", "Name", "Network", "Voxel size", "PSNR", "Raw PSNR", "Runs"},
                new String[] {file.getName(), card.fact("Name"), card.fact("Network"), card.fact("Voxel size"),
                    scores.length == 0 ? "" : Double.toString(scores[0]),
                    scores.length == 0 ? "" : Double.toString(scores[1]), card.runs() ? "yes" : "no"});
    }
}
