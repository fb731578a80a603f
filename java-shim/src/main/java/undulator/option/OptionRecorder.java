package undulator.option;

import ij.IJ;
import ij.plugin.frame.Recorder;

/** Writes a command's options to ImageJ's recorder, so that the recorded line does the same again. */
final class OptionRecorder {
    private OptionRecorder() {
    }

    static void record(Options options) {
        if (!IJ.recording()) {
            return;
        }
        for (Key key : options.keys()) {
            String value = options.get(key.name());
            if (!key.isFlag()) {
                Recorder.recordOption(key.name(), Recorder.fixString(recorded(key, value)));
            } else if (value.equals("true")) {
                Recorder.recordOption(key.name());
            }
        }
    }

    private static String recorded(Key key, String value) {
        String text = key.isFile() ? Recorder.fixPath(value) : value;
        // The recorder itself puts brackets around a value with a space.
        return text.indexOf(' ') >= 0 ? text : MacroOptions.quoted(text);
    }
}
