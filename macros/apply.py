# Restores the active image with the model that comes with the plugin, and shows the result.
from ij import IJ
from undulator import CommandException, Model, Undulator

try:
    Undulator.apply(IJ.getImage(), Model.named("sample-cathode")).show()
except CommandException as refused:
    print("%s: %s" % (refused.code(), refused.message))
