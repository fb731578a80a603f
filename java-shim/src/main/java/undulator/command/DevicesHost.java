package undulator.command;

import ij.IJ;
import ij.WindowManager;
import java.awt.Window;
import undulator.option.CommandSchema;

/** Shows the devices in a table that is wide enough, also beside the Results table of a macro. */
final class DevicesHost extends MenuHost {
    /** The advice is long, and ImageJ opens no table wider than 700 pixels. */
    private static final int WIDTH = 1200;

    DevicesHost(CommandSchema command, Origin origin) {
        super(command, false, Escape.begin(), Results.alwaysOwn(command.title(), origin));
    }

    @Override
    public void close() {
        super.close();
        Window shown = WindowManager.getWindow(title());
        if (shown != null) {
            shown.setSize(Math.min(WIDTH, IJ.getScreenSize().width), shown.getHeight());
        }
    }
}
