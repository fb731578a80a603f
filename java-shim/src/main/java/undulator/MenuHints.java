package undulator;

import java.util.HashMap;
import java.util.Map;

/** Adds the ImageJ menu path to an error's advice; the library does not know the menus. */
final class MenuHints {
    private static final Map<String, String> BY_CODE = new HashMap<>();

    static {
        BY_CODE.put("image.voxel-size", "Image > Properties...");
        BY_CODE.put("image.grey-types", "Image > Type");
        BY_CODE.put("image.hyperstack", "Image > Duplicate... or Image > Color > Split Channels");
    }

    private MenuHints() {
    }

    /** The same, with the place behind its last words if there is one. */
    static CommandException named(CommandException plain) {
        String place = BY_CODE.get(plain.code());
        if (place == null) {
            return plain;
        }
        String named = " (" + place + ")";
        CommandException found = plain.advice().isEmpty()
                ? new CommandException(plain.code(), plain.reason() + named, "")
                : new CommandException(plain.code(), plain.reason(), plain.advice() + named);
        found.setStackTrace(plain.getStackTrace());
        found.initCause(plain.getCause());
        return found;
    }
}
