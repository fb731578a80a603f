package undulator.image;

import undulator.CommandException;

/** Looks before it leaps: a clear message instead of an OutOfMemoryError in the middle of the work. */
final class FreeMemory {
    private static final long MIB = 1 << 20;

    /** Left for windows, tables and single slices. */
    private static final long RESERVE = 24 * MIB;

    private FreeMemory() {
    }

    /** Throws if so many bytes are not free; the advice says what else can be done. */
    static void require(long bytes, String what, String advice) {
        if (free() < bytes + RESERVE) {
            System.gc();
        }
        if (free() < bytes + RESERVE) {
            throw new CommandException(CommandException.MEMORY, what + " needs " + mebibytes(bytes)
                    + " MB of memory, but ImageJ has only " + mebibytes(Math.max(0, free() - RESERVE)) + " MB left of "
                    + mebibytes(max()) + " MB", "close images, or give ImageJ more (Edit > Options > Memory & "
                    + "Threads...) and restart it" + advice);
        }
    }

    private static long max() {
        return Runtime.getRuntime().maxMemory();
    }

    private static long free() {
        Runtime java = Runtime.getRuntime();
        return max() - (java.totalMemory() - java.freeMemory());
    }

    private static long mebibytes(long bytes) {
        return (bytes + MIB - 1) / MIB;
    }
}
