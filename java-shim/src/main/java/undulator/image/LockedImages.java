package undulator.image;

import ij.ImagePlus;
import java.util.ArrayDeque;
import java.util.Deque;
import undulator.CommandException;

/** Keeps other commands from changing images while they are read. Closing it unlocks them. */
public final class LockedImages implements AutoCloseable {
    private final Deque<ImagePlus> locked = new ArrayDeque<>();

    /**
     * Locks images; nulls are left out.
     *
     * @param images to lock, on the thread that will close this
     * @throws CommandException if another command has locked one of them; none stays locked then
     */
    public LockedImages(ImagePlus... images) {
        for (ImagePlus image : images) {
            if (image == null) {
                continue;
            }
            if (!image.lockSilently()) {
                close();
                throw new CommandException("\"" + image.getTitle() + "\" is in use by another command: wait until it "
                        + "is done (Plugins > Utilities > Reset... frees an image that was left locked)");
            }
            locked.push(image);
        }
    }

    @Override
    public void close() {
        while (!locked.isEmpty()) {
            locked.pop().unlock();
        }
    }
}
