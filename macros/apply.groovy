// Restores the active image with the model that comes with the plugin, and shows the result.
import ij.IJ
import undulator.CommandException
import undulator.Model
import undulator.Undulator

try {
    Undulator.apply(IJ.getImage(), Model.named("sample-cathode")).show()
} catch (CommandException refused) {
    println "${refused.code()}: ${refused.message}"
}
