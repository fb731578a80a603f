"""Scores a stack against a reference with numpy, scipy and scikit-image.

Request: what (percentiles, ssim or baselines), test and reference (raw float32 files), shape (z, y, x), and
percents, peak or sigma.
"""
import json
import sys

import numpy as np


def percentiles(test, request):
    return np.percentile(test, request["percents"]).tolist()


def ssim(test, reference, peak):
    """The mean of each slice."""
    from skimage.metrics import structural_similarity  # Slow to import, and percentiles need none of it.

    settings = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=peak)
    return [structural_similarity(a, b, **settings) for a, b in zip(test, reference)]


def eight_bits(stack):
    return np.floor(np.clip(stack, 0, 255) + 0.5)


def windowed(stack):
    low, high = np.percentile(stack, [0.3, 99.7])
    return (stack - low) / (high - low) * 255


def baselines(test, reference, sigma):
    from scipy import ndimage

    target = eight_bits(windowed(reference))
    raw = windowed(test)

    def score(image):
        image = eight_bits(image)
        psnr = 10 * np.log10(255**2 / np.mean((image - target) ** 2))
        return [psnr, float(np.mean(ssim(image, target, 255)))]

    def matched(image):
        return np.polyval(np.polyfit(image.ravel(), target.ravel(), 1), image)

    filtered = ndimage.gaussian_filter(raw, (0, sigma, sigma))
    return {"raw": score(raw), "matched": score(matched(raw)), "filtered": score(matched(filtered))}


request = json.loads(sys.argv[1])


def stack(key):
    return np.fromfile(request[key], "<f4").reshape(request["shape"]).astype(np.float64)


if request["what"] == "percentiles":
    answer = percentiles(stack("test"), request)
elif request["what"] == "ssim":
    answer = ssim(stack("test"), stack("reference"), request["peak"])
else:
    answer = baselines(stack("test"), stack("reference"), request["sigma"])
print(json.dumps(answer))
