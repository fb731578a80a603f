package undulator;

/**
 * The functions of the native library. Load it with {@link undulator.nativelib.NativeLibrary#load()} first.
 *
 * <p>Every command goes through {@link #run}: a new command needs no new function. Scripts use {@link Undulator}.</p>
 */
public final class Native {
    private Native() {
    }

    /**
     * The version of the native library.
     *
     * @return the version, which must be that of this jar
     */
    public static native String version();

    /**
     * All commands with their options, in the order of the menu. Each row begins with what it is:
     *
     * <ul>
     * <li>{@code command}, name, summary, help in Markdown;</li>
     * <li>{@code key}, name, label, help, kind, unit, default, least, most, ending, group, flags
     *     ({@code advanced}, {@code optional}, {@code remembered}, with spaces between), choices (one a line): an option
     *     of the command before it. The kind is one of {@code image}, {@code whole}, {@code number}, {@code flag},
     *     {@code choice}, {@code choice-or-file}, {@code text}, {@code model}, {@code file-to-open},
     *     {@code file-to-save} and {@code folder};</li>
     * <li>{@code preset}, key, value, other options as {@code name=default} (one a line): what that value makes of
     *     other options' defaults.</li>
     * </ul>
     *
     * @return rows of texts
     */
    public static native String[][] schema();

    /**
     * Runs a command on the caller's thread.
     *
     * @param command its name: {@code Compare Networks}
     * @param options key, value, key, value and so on; those that are left out take their defaults
     * @param host images, and who listens
     * @return what came out, in a sentence; may be empty
     * @throws CommandException if an option is refused, the work fails, or the user stopped it; what the host throws
     *     comes back unchanged
     */
    public static native String run(String command, String[] options, Host host);
}
