package undulator.command;

import ij.IJ;
import ij.macro.Interpreter;
import java.io.File;
import undulator.model.CardRecord;
import undulator.model.ModelWindow;
import undulator.option.CommandSchema;

/** Shows the card of a model in the log, and in a window where there may be one. */
final class ModelsHost extends MenuHost {
    private final CardRecord card = new CardRecord();
    private File model;

    ModelsHost(CommandSchema command, boolean asks, Origin origin) {
        super(command, asks, origin);
    }

    @Override
    public String model(String name) {
        String path = super.model(name);
        model = new File(path);
        return path;
    }

    @Override
    public void row(String table, String[] columns, String[] units, double[] numbers, String[] texts) {
        super.row(table, columns, units, numbers, texts);
        card.row(table, numbers, texts);
        if (table.equals("card")) {
            IJ.log(texts[0] + ": " + texts[1]);
        }
    }

    @Override
    public void picture(String name, int width, int height, byte[] rgb) {
        card.cover(width, height, rgb);
    }

    @Override
    public void warning(String line) {
        super.warning(line);
        card.warning(line);
    }

    @Override
    void finish(String sentence) {
        super.finish(sentence);
        if (!card.facts().isEmpty() && IJ.getInstance() != null && !Interpreter.isBatchMode()) {
            ModelWindow.open(model, card,
                    () -> IJ.run(title() + "...", "action=Install model=[" + model + "]"));
        }
    }
}
