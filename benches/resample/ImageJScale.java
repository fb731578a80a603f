import ij.ImagePlus;
import ij.ImageStack;
import ij.plugin.Scaler;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Random;

/** ImageJ's Image > Scale... as a process of compare.py: answers lines "FROM TO RUNS" with the seconds of its runs. */
public final class ImageJScale {
    private ImageJScale() {
    }

    /** Takes no arguments. */
    public static void main(String[] arguments) throws Exception {
        int width = 512;
        int height = 512;
        int slices = 200;
        Random random = new Random(1);
        ImageStack stack = new ImageStack(width, height);
        for (int z = 0; z < slices; z++) {
            short[] pixels = new short[width * height];
            for (int i = 0; i < pixels.length; i++) {
                pixels[i] = (short) random.nextInt(65536);
            }
            stack.addSlice(null, pixels);
        }
        ImagePlus image = new ImagePlus("noise", stack);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            double scale = Double.parseDouble(words[0]) / Double.parseDouble(words[1]);
            StringBuilder seconds = new StringBuilder();
            for (int run = 0; run < Integer.parseInt(words[2]); run++) {
                long start = System.nanoTime();
                Scaler.resize(image, length(width, scale), length(height, scale), length(slices, scale), "bilinear");
                seconds.append(String.format(java.util.Locale.ROOT, "%.6f ", (System.nanoTime() - start) / 1e9));
            }
            System.out.println(seconds.toString().trim());
        }
    }

    private static int length(int voxels, double scale) {
        return Math.max(1, (int) (voxels * scale + 1e-6));
    }
}
