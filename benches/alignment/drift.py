"""Whether the laboratory scan of the battery pair drifted: [UNDULATOR_DATA=FOLDER] python benches/alignment/drift.py

By the Fourier slice theorem each direction of a slice's spectrum comes from one projection. So the shift along that
direction between the laboratory's slices and the synchrotron's, brought onto the laboratory's grid by truth.json, is how
far the sample lay from its nominal place on the detector when that projection was taken.
"""

import json
import os
from pathlib import Path

import numpy as np
import tifffile
from scipy.ndimage import gaussian_filter, map_coordinates

DATA = Path(os.environ.get("UNDULATOR_DATA", Path(__file__).resolve().parents[2] / "tests" / "data")) / "battery"
STEP = 5.0  # degrees between directions
BAND = (0.03, 0.30)  # cycles per µm: structure that rises above the noise


def places(shape, voxel, z):
    """Coordinates (z, y, x) in µm about the volume's centre of all voxels of slice z."""
    centre = [(np.arange(n) + 0.5) * voxel - n * voxel / 2 for n in shape]
    return np.stack(np.broadcast_arrays(centre[0][z], centre[1][:, None], centre[2][None])).reshape(3, -1)


def cross_spectrum(laboratory, synchrotron, truth):
    """Of all slices between the end faces, summed, with the frequencies along y and x."""
    edges = truth["voxel_um"]
    back = np.linalg.inv(np.array(truth["R"]) * truth["scale"])
    rows, columns = laboratory.shape[1:]
    fade = np.hanning(rows)[:, None] * np.hanning(columns)[None]
    total = 0
    for z in range(8, len(laboratory) - 8, 4):
        p = back @ (places(laboratory.shape, edges["laboratory"], z) - np.array(truth["shift_um"])[:, None])
        size = np.array(synchrotron.shape)[:, None]
        index = p / edges["synchrotron"] + size / 2 - 0.5
        inside = ((index >= 0) & (index <= size - 1)).all(axis=0).reshape(rows, columns)
        weight = fade * gaussian_filter(inside.astype(float), 4) * inside
        moved = map_coordinates(synchrotron, index, order=3, mode="nearest").reshape(rows, columns)
        spectra = [np.fft.fft2((s - np.average(s, weights=weight)) * weight) for s in (laboratory[z], moved)]
        total = total + spectra[0] * np.conj(spectra[1])
    edge = edges["laboratory"]
    return total, np.fft.fftfreq(rows, edge)[:, None], np.fft.fftfreq(columns, edge)[None]


def shift_along(spectrum, fy, fx, degrees):
    """The shift in µm along a direction (0 = x, 90 = y) that the phases there tell best."""
    radius, direction = np.hypot(fy, fx), np.degrees(np.arctan2(fy, fx))
    near = np.abs((direction - degrees + 90) % 180 - 90) < STEP / 2
    chosen = near & (radius > BAND[0]) & (radius < BAND[1])
    along = (fx * np.cos(np.radians(degrees)) + fy * np.sin(np.radians(degrees)))[chosen]
    shifts = np.linspace(-1, 1, 2001)
    match = [np.real(spectrum[chosen] * np.exp(2j * np.pi * along * s)).sum() for s in shifts]
    return shifts[np.argmax(match)]


def main():
    truth = json.loads((DATA / "truth.json").read_text())
    volumes = [tifffile.imread(DATA / f"{name}.tif").astype(float) for name in ("laboratory", "synchrotron")]
    spectrum, fy, fx = cross_spectrum(*volumes, truth)
    # At 0° the first projection and the last meet.
    degrees = np.arange(STEP, 180, STEP)
    shifts = np.array([shift_along(spectrum, fy, fx, a) for a in degrees])
    for line in np.column_stack([degrees, shifts]).tolist():
        print("{:4.0f}° {:+.3f} µm".format(*line))
    angle = np.radians(degrees)
    ramp = 1 - angle / np.pi
    models = {
        "no shift": np.zeros((len(angle), 1)),
        "one shift (x, y)": np.column_stack([np.cos(angle), np.sin(angle)]),
        "a drift, linear over the half turn": -ramp[:, None],
        "both": np.column_stack([np.cos(angle), np.sin(angle), -ramp]),
    }
    for name, columns in models.items():
        found = np.linalg.lstsq(columns, shifts, rcond=None)[0]
        rest = np.sqrt(np.mean((shifts - columns @ found) ** 2))
        print(f"{name}: {np.round(found, 3)} µm, the rest {rest:.4f} µm (root mean square)")
    drift = np.linalg.lstsq(-ramp[:, None], shifts, rcond=None)[0][0]
    print(f"a drift of {drift:.3f} µm shifts the reconstruction by y {-2 * drift / np.pi:.3f}, "
          f"x {-4 * drift / np.pi ** 2:.3f} µm")


main()
