package undulator;

/** Hears from a running command. Any thread may call it. */
public interface Monitor {
    /**
     * How far the work is.
     *
     * @param fraction 0 to 1
     * @param doing what is being done now
     */
    void progress(double fraction, String doing);

    /**
     * A line for the log.
     *
     * @param line without a line break at its end
     */
    void log(String line);

    /**
     * Whether the user asked to stop.
     *
     * @return true after Escape
     */
    boolean cancelled();

    /**
     * A row for the Results table. A value that parses as a number is stored as one.
     *
     * @param columns headings
     * @param values as many values
     */
    void row(String[] columns, String[] values);
}
