package undulator.image;

import ij.ImagePlus;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.Map;
import undulator.CommandException;

/**
 * Keeps other commands from changing images while they are read. Closing it unlocks them, unless another command of
 * this plugin still reads them: several may, so that trainings on one pair can wait for each other.
 */
final class LockedImages implements AutoCloseable {
    private static final Map<ImagePlus, Integer> READERS = new IdentityHashMap<>();

    private final Deque<ImagePlus> locked = new ArrayDeque<>();

    /** Locks one more image, or throws a {@link CommandException} if another command has locked it. */
    void lock(ImagePlus image) {
        if (!addReader(image)) {
            throw new CommandException(CommandException.IMAGE,
                    "\"" + image.getTitle() + "\" is in use by another command", "wait until it is done (Plugins > "
                    + "Utilities > Reset... frees an image that was left locked)");
        }
        locked.push(image);
    }

    @Override
    public void close() {
        while (!locked.isEmpty()) {
            removeReader(locked.pop());
        }
    }

    private static boolean addReader(ImagePlus image) {
        synchronized (READERS) {
            if (!READERS.containsKey(image) && !image.lockSilently()) {
                return false;
            }
            READERS.merge(image, 1, Integer::sum);
            return true;
        }
    }

    private static void removeReader(ImagePlus image) {
        synchronized (READERS) {
            if (READERS.merge(image, -1, Integer::sum) == 0) {
                READERS.remove(image);
                image.unlock();
            }
        }
    }
}
