package undulator.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ij.ImagePlus;
import ij.WindowManager;
import ij.macro.Interpreter;
import ij.process.ByteProcessor;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import undulator.CommandException;

/** Open images are found by title and by ID. Batch mode has open images without a screen. */
class OpenImagesTest {
    private final ImagePlus first = open("scan (1).tif");
    private final ImagePlus second = open("scan (1).tif");
    private final ImagePlus other = open("other");

    private static ImagePlus open(String title) {
        Interpreter.batchMode = true;
        ImagePlus image = new ImagePlus(title, new ByteProcessor(4, 4));
        Interpreter.addBatchModeImage(image);
        return image;
    }

    @BeforeEach
    void isActive() {
        WindowManager.setTempCurrentImage(other);
    }

    @AfterEach
    void close() {
        WindowManager.setTempCurrentImage(null);
        List.of(first, second, other).forEach(Interpreter::removeBatchModeImage);
        Interpreter.batchMode = false;
    }

    private static String refusal(String name) {
        CommandException refused = assertThrows(CommandException.class, () -> OpenImages.find("image", name));
        assertEquals(CommandException.IMAGE, refused.code());
        return refused.getMessage();
    }

    @Test
    void imagesOfOneTitleAreToldApart() {
        assertSame(other, OpenImages.find("image", "other"));
        assertEquals("other", OpenImages.name(other));
        for (ImagePlus image : List.of(first, second)) {
            assertSame(image, OpenImages.find("image", OpenImages.name(image)));
            assertSame(image, OpenImages.find("image", Integer.toString(image.getID())));
            assertSame(image, OpenImages.find("image", "id:" + image.getID()));
        }
        assertEquals(List.of(OpenImages.name(first), OpenImages.name(second), "other"), OpenImages.names());
        String words = refusal("scan (1).tif");
        assertTrue(words.contains("2 open images are called") && words.contains("image=" + first.getID() + ", image="
                + second.getID()), words);
    }

    @Test
    void anIdOfAnotherSessionIsRefused() {
        assertTrue(refusal("id:-99999").contains("choose one of"));
        assertTrue(refusal("other (ID " + first.getID() + ")").contains("No open image is called"));
        assertTrue(refusal("id:" + "-9".repeat(1) + "9".repeat(30)).contains("No open image"));
        assertTrue(refusal("3").contains("No open image"));
    }

    @Test
    void aTitleGoesBeforeAnId() {
        ImagePlus named = open(Integer.toString(first.getID()));
        try {
            assertSame(named, OpenImages.find("image", Integer.toString(first.getID())));
        } finally {
            Interpreter.removeBatchModeImage(named);
        }
    }
}
