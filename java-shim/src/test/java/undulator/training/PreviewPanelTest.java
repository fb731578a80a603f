package undulator.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.awt.Dimension;
import org.junit.jupiter.api.Test;

class PreviewPanelTest {
    @Test
    void previewsFitTheirBox() {
        assertEquals(new Dimension(256, 256), PreviewPanel.fit(64, 64, 310, 270));
        assertEquals(new Dimension(270, 270), PreviewPanel.fit(2048, 2048, 310, 270));
        assertEquals(new Dimension(310, 38), PreviewPanel.fit(2048, 256, 310, 270));
        assertFalse(PreviewPanel.fit(200, 200, 310, 270).width > 270);
    }
}
