package undulator;

/** Why a command did not do its work. */
public final class CommandException extends RuntimeException {
    /** {@link #code()}: the user asked to stop. */
    public static final String CANCELLED = "cancelled";
    /** {@link #code()}: an option or a value is not possible. */
    public static final String OPTION = "option";
    /** {@link #code()}: an image cannot be used. */
    public static final String IMAGE = "image";
    /** {@link #code()}: a file cannot be read or written. */
    public static final String FILE = "file";
    /** {@link #code()}: a model cannot be used. */
    public static final String MODEL = "model";
    /** {@link #code()}: there is too little memory. */
    public static final String MEMORY = "memory";
    /** {@link #code()}: the plugin itself is not complete. */
    public static final String PLUGIN = "plugin";

    private static final long serialVersionUID = 1L;

    private final String code;
    private final String reason;
    private final String advice;

    /**
     * With words for the user.
     *
     * @param code what kind of reason it is, for programs
     * @param reason what was wrong, with the value
     * @param advice what to do; empty where the reason says it
     */
    public CommandException(String code, String reason, String advice) {
        super(advice.isEmpty() ? reason : reason + ": " + advice);
        this.code = code;
        this.reason = reason;
        this.advice = advice;
    }

    /**
     * What kind of reason it is, for programs: {@code cancelled}, {@code option}, {@code image}, {@code file},
     * {@code model}, {@code device}, {@code memory}, {@code failed} or {@code plugin}, perhaps with a dot and more.
     *
     * @return the code
     */
    public String code() {
        return code;
    }

    /**
     * What was wrong.
     *
     * @return the first half of {@link #getMessage()}
     */
    public String reason() {
        return reason;
    }

    /**
     * What to do.
     *
     * @return the second half of {@link #getMessage()}; may be empty
     */
    public String advice() {
        return advice;
    }

    /**
     * Whether the user asked to stop.
     *
     * @return true if nothing went wrong
     */
    public boolean isCancelled() {
        return code.equals(CANCELLED);
    }
}
