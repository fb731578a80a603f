package undulator;

/** Something that the user can put right; the message says what was wrong and what to do. */
public final class CommandException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * With a message for the user.
     *
     * @param message what was wrong, and what to do
     */
    public CommandException(String message) {
        super(message);
    }

    /**
     * With a message for the user and its cause.
     *
     * @param message what was wrong, and what to do
     * @param cause what happened underneath
     */
    public CommandException(String message, Throwable cause) {
        super(message, cause);
    }
}
