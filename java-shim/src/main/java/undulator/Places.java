package undulator;

import java.util.HashMap;
import java.util.Map;

/** Where in ImageJ's menus something is put right: the library's own advice knows no host. */
final class Places {
    private static final Map<String, String> BY_CODE = new HashMap<>();

    static {
        BY_CODE.put("image.voxel-size", "Image > Properties...");
        BY_CODE.put("image.not-finite", "Process > Math > NaN...");
        BY_CODE.put("image.grey-types", "Image > Type");
        BY_CODE.put("image.hyperstack", "Image > Duplicate... or Image > Color > Split Channels");
    }

    private Places() {
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
