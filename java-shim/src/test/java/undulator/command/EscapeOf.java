package undulator.command;

/** The Escape key of a command, for tests of other packages. */
public final class EscapeOf {
    private final Escape escape = Escape.begin();

    private EscapeOf() {
    }

    /** For a command that begins. */
    public static EscapeOf begin() {
        return new EscapeOf();
    }

    /** Whether the user stopped it. */
    public boolean pressed() {
        return escape.pressed();
    }

    /** It is over. */
    public void end() {
        escape.end();
    }
}
