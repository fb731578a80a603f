package undulator.nativelib;

import java.util.Locale;

/** This machine's name in the layout of the scijava native library loader: linux_64, osx_arm64, windows_64. */
final class Platform {
    private Platform() {
    }

    static String current() {
        return name(System.getProperty("os.name"), System.getProperty("os.arch"));
    }

    static String name(String system, String architecture) {
        return family(system.toLowerCase(Locale.ROOT)) + "_" + words(architecture.toLowerCase(Locale.ROOT));
    }

    static boolean isWindows() {
        return current().startsWith("windows");
    }

    private static String family(String system) {
        if (system.startsWith("mac")) {
            return "osx";
        }
        return system.startsWith("windows") ? "windows" : system.split(" ")[0];
    }

    private static String words(String architecture) {
        switch (architecture) {
            case "amd64":
            case "x86_64":
                return "64";
            case "aarch64":
            case "arm64":
                return "arm64";
            case "x86":
            case "i386":
            case "i686":
                return "32";
            default:
                return architecture;
        }
    }
}
