package undulator.imagej;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/** One virtual screen for all tests; it ends with them. */
final class Xvfb {
    private static Process server;
    private static String display;

    private Xvfb() {
    }

    /** The screen's name for DISPLAY, for example ":1". */
    static synchronized String display() throws IOException {
        if (server == null) {
            server = new ProcessBuilder("Xvfb", "-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp")
                    .redirectError(ProcessBuilder.Redirect.DISCARD).start();
            Runtime.getRuntime().addShutdownHook(new Thread(server::destroy));
            BufferedReader lines =
                    new BufferedReader(new InputStreamReader(server.getInputStream(), StandardCharsets.UTF_8));
            display = ":" + lines.readLine();
        }
        return display;
    }
}
