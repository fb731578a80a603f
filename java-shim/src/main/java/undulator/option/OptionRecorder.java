package undulator.option;

import ij.IJ;
import ij.plugin.frame.Recorder;
import java.util.Map;

/** Writes a command's options to ImageJ's recorder, so that the recorded line does the same again. */
final class OptionRecorder {
    private OptionRecorder() {
    }

    static void record(CommandSchema command, Map<String, String> options) {
        if (!IJ.recording()) {
            return;
        }
        options.forEach((name, value) -> {
            Key key = command.key(name);
            if (!key.isFlag()) {
                Recorder.recordOption(name, Recorder.fixString(recorded(key, value)));
            } else if (value.equals("true")) {
                Recorder.recordOption(name);
            }
        });
    }

    private static String recorded(Key key, String value) {
        String text = key.isFile() || key.kind == Key.Kind.CHOICE_OR_FILE ? Recorder.fixPath(value) : value;
        // The recorder itself puts brackets around a value with a space.
        return text.indexOf(' ') >= 0 ? text : MacroOptions.quoted(text);
    }
}
