package undulator;

import java.util.List;
import java.util.Map;

/** How close one stack is to another. */
public final class Scores {
    private final double[] psnr;
    private final double[] ssim;

    /** Of the rows of Measure: the stack, then its slices. */
    Scores(List<Map<String, Object>> rows) {
        psnr = column(rows, "PSNR");
        ssim = column(rows, "SSIM");
    }

    private static double[] column(List<Map<String, Object>> rows, String name) {
        return rows.stream().mapToDouble(row -> (Double) row.get(name)).toArray();
    }

    /**
     * PSNR of all voxels together.
     *
     * @return in dB; infinite for equal stacks
     */
    public double psnr() {
        return psnr[0];
    }

    /**
     * SSIM, the mean over the slices.
     *
     * @return up to 1
     */
    public double ssim() {
        return ssim[0];
    }

    /**
     * PSNR of every slice.
     *
     * @return in dB
     */
    public double[] slicePsnr() {
        return java.util.Arrays.copyOfRange(psnr, 1, psnr.length);
    }

    /**
     * SSIM of every slice.
     *
     * @return up to 1
     */
    public double[] sliceSsim() {
        return java.util.Arrays.copyOfRange(ssim, 1, ssim.length);
    }

    @Override
    public String toString() {
        return String.format(java.util.Locale.ROOT, "PSNR %.2f dB, SSIM %.4f", psnr(), ssim());
    }
}
