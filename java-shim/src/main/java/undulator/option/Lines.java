package undulator.option;

/** ImageJ's dialogs do not break lines: a long message would be wider than the screen. */
public final class Lines {
    private static final int LENGTH = 80;

    private Lines() {
    }

    /**
     * Breaks long lines between words.
     *
     * @param text any
     * @return the text with more line breaks
     */
    public static String broken(String text) {
        StringBuilder lines = new StringBuilder();
        int column = 0;
        for (String word : text.split("(?<=\\s)")) {
            if (column > 0 && column + word.length() > LENGTH) {
                lines.append('\n');
                column = 0;
            }
            lines.append(word);
            column = word.endsWith("\n") ? 0 : column + word.length();
        }
        return lines.toString();
    }
}
