package undulator.option;

import ij.Prefs;
import ij.WindowManager;
import ij.gui.GenericDialog;
import ij.io.DirectoryChooser;
import java.awt.Button;
import java.awt.Checkbox;
import java.awt.Choice;
import java.awt.Component;
import java.awt.FileDialog;
import java.awt.FlowLayout;
import java.awt.Font;
import java.awt.GridBagConstraints;
import java.awt.GridBagLayout;
import java.awt.Label;
import java.awt.MenuItem;
import java.awt.Panel;
import java.awt.PopupMenu;
import java.awt.TextField;
import java.io.File;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import undulator.image.OpenImages;
import undulator.model.ModelFolder;

/**
 * Asks for the options of a command.
 *
 * <p>Numbers are plain text fields: ImageJ's numeric fields round what they show (a rate of 0.0005 would read 0.001).
 * Values are read from the fields rather than through {@code getNext...}, which would record them by ImageJ's rules.
 * </p>
 */
public final class OptionDialog {
    /** What the user chose last in a dialog, by command and key. Macros never see it. */
    private static final Map<String, String> REMEMBERED = new HashMap<>();

    private static final int NUMBER_COLUMNS = 8;
    private static final int PATH_COLUMNS = 34;
    private static final int LINE_COLUMNS = 44;
    private static final int FLAG_INDENT = 20;

    private final CommandSchema command;
    private final List<Key> keys = new ArrayList<>();
    private final GenericDialog dialog;
    private String group = "";
    private boolean besideNext;
    private int imagesAsked;

    private OptionDialog(CommandSchema command) {
        this.command = command;
        this.dialog = new GenericDialog(command.title());
        dialog.addMessage(Lines.broken(command.summary()));
        command.keys().stream().filter(Key::isAsked).forEach(this::add);
        keys.stream().filter(Key::hasPresets).forEach(this::fillOnChoice);
        dialog.addHelp(command.help());
    }

    /**
     * Shows the dialog and waits for the answer. What the user chose is recorded.
     *
     * @param command what is asked for
     * @return the values by key, or null after Cancel
     */
    public static Map<String, String> ask(CommandSchema command) {
        OptionDialog asked = new OptionDialog(command);
        asked.dialog.showDialog();
        if (asked.dialog.wasCanceled()) {
            return null;
        }
        Map<String, String> values = asked.values();
        OptionRecorder.record(command, values);
        return values;
    }

    private String remembered(Key key) {
        String before = key.isRemembered() ? Prefs.get(preference(key), key.initial) : key.initialInDialog();
        String last = REMEMBERED.getOrDefault(command.name() + " " + key.name(), before);
        // A result that is there is not to be written again; one that was stopped is to be gone on with.
        return key.isOptionalResult() && new File(last).exists() ? key.initial : last;
    }

    /** One for all commands: who trains one network is who compares several. */
    private static String preference(Key key) {
        return "undulator." + key.name();
    }

    private void add(Key key) {
        keys.add(key);
        startGroup(key);
        boolean beside = besideNext && key.isShort();
        if (beside) {
            dialog.addToSameRow();
        }
        // Short fields of a group stand in pairs.
        besideNext = key.isShort() && !group.isEmpty() && !beside;
        String label = key.caption() + ":";
        switch (key.kind) {
            case FLAG:
                // ImageJ would leave a gap above the first.
                dialog.setInsets(3, FLAG_INDENT, 0);
                dialog.addCheckbox(key.caption(), Boolean.parseBoolean(remembered(key)));
                break;
            case CHOICE:
                dialog.addChoice(label, key.choices.toArray(new String[0]), remembered(key));
                break;
            case IMAGE:
                addImages(key, label);
                break;
            default:
                dialog.addStringField(label, remembered(key), columns(key));
        }
        Component field = (Component) field(key.name());
        if (key.isFile()) {
            addFileButtons(key, (TextField) field);
        }
        ToolTip.show(key.help, field, label(field));
    }

    private void startGroup(Key key) {
        if (!key.group.isEmpty() && !key.group.equals(group)) {
            Font font = dialog.getFont() == null ? new Font("SansSerif", Font.PLAIN, 12) : dialog.getFont();
            dialog.setInsets(8, 0, 2);
            dialog.addMessage(key.group, font.deriveFont(Font.BOLD));
            besideNext = false;
        }
        group = key.group;
    }

    private static int columns(Key key) {
        if (key.isFile()) {
            return PATH_COLUMNS;
        }
        return key.isRemembered() ? LINE_COLUMNS : NUMBER_COLUMNS;
    }

    /** The label of a field, which comes before it; null for a flag, which is its own. */
    private Label label(Component field) {
        Label label = null;
        for (Component part : dialog.getComponents()) {
            if (part == field || part instanceof Panel && ((Panel) part).isAncestorOf(field)) {
                return field instanceof Checkbox ? null : label;
            }
            label = part instanceof Label ? (Label) part : label;
        }
        return null;
    }

    /** Proposes the active image where that is the default, else the images in the order in which they were opened. */
    private void addImages(Key key, String label) {
        List<String> titles = new ArrayList<>(OpenImages.names());
        String proposed = titles.get(Math.min(imagesAsked, titles.size() - 1));
        if (key.initial.equals(Key.ACTIVE)) {
            proposed = OpenImages.name(WindowManager.getCurrentImage());
        } else if (key.initial.equals(Key.NONE)) {
            titles.add(0, Key.NONE);
            proposed = Key.NONE;
        }
        dialog.addChoice(label, titles.toArray(new String[0]), proposed);
        imagesAsked++;
    }

    /** A preset fills the other fields as soon as it is chosen. */
    private void fillOnChoice(Key key) {
        Choice choice = (Choice) field(key.name());
        choice.addItemListener(event -> key.preset(choice.getSelectedItem())
                .forEach((name, value) -> ((TextField) field(name)).setText(value)));
    }

    /** The field, list or box of an option. */
    private Object field(String name) {
        Iterator<?> texts = iterator(dialog.getStringFields());
        Iterator<?> choices = iterator(dialog.getChoices());
        Iterator<?> flags = iterator(dialog.getCheckboxes());
        for (Key key : keys) {
            Iterator<?> fields = key.isFlag() ? flags : key.isImage() || key.kind == Key.Kind.CHOICE ? choices : texts;
            Object field = fields.next();
            if (key.name().equals(name)) {
                return field;
            }
        }
        throw new IllegalArgumentException(name);
    }

    private void addFileButtons(Key key, TextField path) {
        GridBagLayout layout = (GridBagLayout) dialog.getLayout();
        GridBagConstraints place = layout.getConstraints(path);
        Button browse = new Button("Browse...");
        browse.addActionListener(event -> browse(key, path));
        Panel row = new Panel(new FlowLayout(FlowLayout.LEFT, 0, 0));
        row.add(path);
        row.add(browse);
        if (key.kind == Key.Kind.MODEL) {
            row.add(modelsButton(path));
        }
        layout.setConstraints(row, place);
        dialog.add(row);
    }

    /** The models that have a name of their own. */
    private Button modelsButton(TextField path) {
        Button models = new Button("Models...");
        PopupMenu menu = new PopupMenu();
        for (String name : ModelFolder.names()) {
            MenuItem item = new MenuItem(name);
            item.addActionListener(event -> path.setText(name));
            menu.add(item);
        }
        models.add(menu);
        models.setEnabled(menu.getItemCount() > 0);
        models.addActionListener(event -> menu.show(models, 0, models.getHeight()));
        return models;
    }

    private void browse(Key key, TextField path) {
        if (key.kind == Key.Kind.FOLDER) {
            DirectoryChooser.setDefaultDirectory(path.getText());
            String folder = new DirectoryChooser(key.label).getDirectory();
            path.setText(folder == null ? path.getText() : folder);
            return;
        }
        boolean saving = key.kind == Key.Kind.FILE_TO_SAVE;
        FileDialog files = new FileDialog(dialog, key.label, saving ? FileDialog.SAVE : FileDialog.LOAD);
        File known = new File(path.getText());
        files.setDirectory(known.getParent());
        files.setFile(known.getName().isEmpty() && saving ? key.name() + key.ending : known.getName());
        files.setVisible(true);
        if (files.getFile() != null) {
            path.setText(new File(files.getDirectory(), files.getFile()).getPath());
        }
    }

    private Map<String, String> values() {
        Map<String, String> values = new LinkedHashMap<>();
        for (Key key : keys) {
            String value = value(field(key.name()));
            values.put(key.name(), value);
            if (!key.isImage()) {
                REMEMBERED.put(command.name() + " " + key.name(), value);
            }
            if (key.isRemembered()) {
                Prefs.set(preference(key), value);
            }
        }
        return values;
    }

    private static String value(Object field) {
        if (field instanceof Checkbox) {
            return Boolean.toString(((Checkbox) field).getState());
        }
        return field instanceof Choice ? ((Choice) field).getSelectedItem() : ((TextField) field).getText().trim();
    }

    private static Iterator<?> iterator(List<?> fields) {
        return fields == null ? new ArrayList<>().iterator() : fields.iterator();
    }
}
