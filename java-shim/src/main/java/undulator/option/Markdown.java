package undulator.option;

/** The little Markdown of the commands' help as HTML: paragraphs, {@code **bold**}, {@code *italics*}, code. */
final class Markdown {
    private Markdown() {
    }

    static String html(String markdown) {
        StringBuilder html = new StringBuilder();
        for (String paragraph : markdown.split("\n\n")) {
            if (!paragraph.trim().isEmpty()) {
                html.append("<p>").append(inline(paragraph)).append("</p>");
            }
        }
        return html.toString();
    }

    private static String inline(String text) {
        return escaped(text).replaceAll("\\*\\*(.+?)\\*\\*", "<b>$1</b>").replaceAll("\\*(.+?)\\*", "<i>$1</i>")
                .replaceAll("`(.+?)`", "<code>$1</code>");
    }

    static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}
