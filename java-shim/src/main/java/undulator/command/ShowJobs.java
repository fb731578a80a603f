package undulator.command;

import ij.IJ;
import ij.plugin.PlugIn;
import undulator.training.Jobs;

/** The menu entry that opens the windows of running trainings again. */
public final class ShowJobs implements PlugIn {
    /** For ImageJ. */
    public ShowJobs() {
    }

    /**
     * Opens the windows.
     *
     * @param argument of no meaning
     */
    @Override
    public void run(String argument) {
        int running = Jobs.show();
        IJ.showStatus(running == 0 ? "No training runs" : running == 1 ? "1 training runs" : running + " trainings run");
        if (running == 0) {
            IJ.log("Undulator Jobs: no training runs");
        }
    }
}
