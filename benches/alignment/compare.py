"""Undulator and elastix on the same pairs: error of the transform and seconds (see run.sh).

    python benches/alignment/compare.py PROGRAM [STARTS]

The pairs: the battery pair as it is; the synchrotron volume moved to the laboratory's grid by the true transform, with
noise, where the truth is exact; and that again, turned, scaled and shifted at random (STARTS times).
Elastix: similarity transform, four levels, 500 iterations of adaptive stochastic gradient descent on 20,000 random
samples a level, started centre on centre, which is its usual recipe; it has no wide search.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import itk
import numpy as np
import tifffile
from scipy import ndimage

DATA = Path(os.environ.get("UNDULATOR_DATA", Path(__file__).resolve().parents[2] / "tests" / "data")) / "battery"
LABORATORY, SYNCHROTRON = 0.310, 0.495


def similarity(angles, scale):
    """Rotations in degrees about z, y, x, and a scale, as a matrix in the order (z, y, x)."""
    (sa, sb, sc), (ca, cb, cc) = np.sin(np.radians(angles)), np.cos(np.radians(angles))
    about_z = np.array([[1, 0, 0], [0, ca, sa], [0, -sa, ca]])
    about_y = np.array([[cb, 0, -sb], [0, 1, 0], [sb, 0, cb]])
    about_x = np.array([[cc, sc, 0], [-sc, cc, 0], [0, 0, 1]])
    return scale * about_z @ about_y @ about_x


def moved(volume, voxel, shape, new_voxel, matrix, shift):
    """The volume that shows at matrix @ p + shift what `volume` shows at p; 0 where it shows nothing."""
    back = np.linalg.inv(matrix)
    centre, new_centre = (np.array(volume.shape) - 1) / 2, (np.array(shape) - 1) / 2
    index = back * new_voxel / voxel
    offset = centre - index @ new_centre - back @ shift / voxel
    return ndimage.affine_transform(volume, index, offset, output_shape=shape, order=1, cval=0.0)


def undulator(program, moving, reference, metric):
    with tempfile.TemporaryDirectory() as folder:
        arguments = []
        for name, (volume, voxel) in {"moving": moving, "reference": reference}.items():
            path = Path(folder) / name
            volume.astype("<u2").tofile(path)
            arguments += [str(path), *map(str, volume.shape[::-1]), str(voxel)]
        answer = subprocess.run([program, *arguments, metric], capture_output=True, text=True)
    if answer.returncode:
        return None
    found = json.loads(answer.stdout)
    return np.array(found["matrix"]), np.array(found["shift"]), found["seconds"]


def image(volume, voxel):
    picture = itk.image_from_array(volume.astype(np.float32))
    picture.SetSpacing([voxel] * 3)
    picture.SetOrigin([-(n - 1) / 2 * voxel for n in volume.shape[::-1]])
    return picture


def elastix(moving, reference, metric):
    parameters = itk.ParameterObject.New()
    recipe = parameters.GetDefaultParameterMap("rigid", 4)
    recipe["Transform"] = ["SimilarityTransform"]
    recipe["Metric"] = ["AdvancedNormalizedCorrelation" if metric == "ncc" else "AdvancedMattesMutualInformation"]
    recipe["ImageSampler"] = ["RandomCoordinate"]
    recipe["NumberOfSpatialSamples"] = ["20000"]
    recipe["MaximumNumberOfIterations"] = ["500"]
    recipe["AutomaticTransformInitialization"] = ["false"]
    recipe["WriteResultImage"] = ["false"]
    parameters.AddParameterMap(recipe)
    start = time.perf_counter()
    run = itk.ElastixRegistrationMethod.New(image(*reference), image(*moving))
    run.SetParameterObject(parameters)
    run.SetLogToConsole(False)
    try:
        run.UpdateLargestPossibleRegion()
    except RuntimeError:
        return None
    seconds = time.perf_counter() - start
    found = run.GetTransformParameterObject().GetParameterMap(0)
    numbers = np.array([float(v) for v in found["TransformParameters"]])
    centre = np.array([float(v) for v in found["CenterOfRotationPoint"]])
    x, y, z = numbers[:3]
    w = np.sqrt(1 - x * x - y * y - z * z)
    rotation = np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ])
    matrix = numbers[6] * rotation
    shift = numbers[3:6] + centre - matrix @ centre
    return matrix[::-1, ::-1], shift[::-1], seconds


def report(pair, who, metric, found, truth, moving, reference):
    if found is None:
        print(f"| {pair} | {who} | {metric} | none | none | |", flush=True)
        return
    matrix, shift, seconds = found
    half = np.array(reference[0].shape) * reference[1] / 2
    axes = [np.linspace(-h, h, 21) for h in half]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    true = places @ truth[0].T + truth[1]
    inside = np.all(np.abs(true) <= np.array(moving[0].shape) * moving[1] / 2, axis=1)
    errors = (places @ matrix.T + shift - true)[inside]
    rest = np.linalg.norm(errors - errors.mean(0), axis=1).mean()
    total = np.linalg.norm(errors, axis=1).mean()
    print(f"| {pair} | {who} | {metric} | {total:.4f} | {rest:.4f} | {seconds:.1f} |", flush=True)


def main():
    program, starts = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 4
    laboratory = tifffile.imread(DATA / "laboratory.tif")
    synchrotron = tifffile.imread(DATA / "synchrotron.tif")
    record = json.loads((DATA / "truth.json").read_text())
    truth = record["scale"] * np.array(record["R"]), np.array(record["shift_um"])
    reference = synchrotron, SYNCHROTRON
    random = np.random.default_rng(1)

    def made(matrix, shift):
        volume = moved(synchrotron.astype(np.float32), SYNCHROTRON, laboratory.shape, LABORATORY, matrix, shift)
        noise = random.normal(0, 5500, volume.shape)
        return np.where(volume > 0, np.clip(volume + noise, 1, 65535), 0).astype(np.uint16), LABORATORY

    pairs = [("battery, raw", (laboratory, LABORATORY), truth), ("moved by the truth", made(*truth), truth)]
    for i in range(starts):
        matrix = similarity(random.uniform(-1, 1, 3) * [15, 5, 5], random.uniform(0.95, 1.05))
        shift = random.uniform(-0.25, 0.25, 3) * np.array(laboratory.shape) * LABORATORY
        pairs.append((f"random start {i + 1}", made(matrix, shift), (matrix, shift)))
    print("| pair | program | metric | mean error, µm | without a constant shift, µm | seconds |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, moving, true in pairs:
        for metric in ["ncc", "mi"] if name.startswith("battery") else ["ncc"]:
            report(name, "Undulator", metric, undulator(program, moving, reference, metric), true, moving, reference)
            report(name, "elastix", metric, elastix(moving, reference, metric), true, moving, reference)


if __name__ == "__main__":
    main()
