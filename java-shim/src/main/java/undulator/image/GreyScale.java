package undulator.image;

import ij.ImagePlus;
import ij.measure.Calibration;

/** ImageJ's density calibration: how the numbers of an image become the grey values that users see. */
final class GreyScale {
    private static final double[] IDENTITY = {0, 1};

    private GreyScale() {
    }

    /**
     * Offset and slope of an image whose grey values are its numbers or lie on a straight line above them. 32-bit images
     * have no other: ImageJ shows their numbers.
     */
    static double[] of(ImagePlus image) {
        Calibration calibration = image.getCalibration();
        return isLine(image) ? calibration.getCoefficients().clone() : IDENTITY.clone();
    }

    private static boolean isLine(ImagePlus image) {
        Calibration calibration = image.getCalibration();
        double[] coefficients = calibration.getCoefficients();
        return image.getBitDepth() < 32 && calibration.getFunction() == Calibration.STRAIGHT_LINE
                && coefficients != null && coefficients.length == 2 && !calibration.zeroClip();
    }

    /** The grey value of each number, for images whose grey values lie on a curve; null for the others. */
    static float[] table(ImagePlus image) {
        Calibration calibration = image.getCalibration();
        boolean curved = image.getBitDepth() < 32 && calibration.calibrated() && !isLine(image);
        return curved ? calibration.getCTable() : null;
    }

    /** What the grey values of an image are measured in; empty if ImageJ does not know. */
    static String unit(ImagePlus image) {
        String unit = image.getCalibration().getValueUnit();
        return unit == null || unit.equals(Calibration.DEFAULT_VALUE_UNIT) ? "" : unit;
    }

    /** Gives a result its scale, and takes from it what its source had. */
    static void set(Calibration calibration, double[] scale, String unit) {
        calibration.disableDensityCalibration();
        String shown = unit.isEmpty() ? Calibration.DEFAULT_VALUE_UNIT : unit;
        if (scale[0] != IDENTITY[0] || scale[1] != IDENTITY[1]) {
            calibration.setFunction(Calibration.STRAIGHT_LINE, scale.clone(), shown);
        } else if (!unit.isEmpty()) {
            calibration.setValueUnit(unit);
        }
    }

    /** Numbers of a plane in 8 or 16 bits as the grey values of a table. */
    static float[] calibrated(Object pixels, float[] table) {
        if (pixels instanceof byte[]) {
            byte[] numbers = (byte[]) pixels;
            float[] greys = new float[numbers.length];
            for (int i = 0; i < greys.length; i++) {
                greys[i] = table[numbers[i] & 0xff];
            }
            return greys;
        }
        short[] numbers = (short[]) pixels;
        float[] greys = new float[numbers.length];
        for (int i = 0; i < greys.length; i++) {
            greys[i] = table[numbers[i] & 0xffff];
        }
        return greys;
    }
}
