"""Has the real NVRTC compile the kernels that the networks ask for, on every compute capability, without running them.

    nvrtc.py [N]     each kernel, or each Nth of them: all take most of an hour on two cores

Called by `make test-nvrtc`, with the Python that requirements.txt is installed for. The test `sources` of ../cuda.rs
gathers sources and options. Prints how many kernels each compiler compiles, and fails when one does not that should.
"""

import ctypes
import itertools
import os
import pathlib
import shutil
import site
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[4]
SOURCES = ROOT / "target" / "kernel-sources"
PACKAGES = pathlib.Path(site.getsitepackages()[0]) / "nvidia"
# Each CUDA with its library, and its folders of headers as CubeCL would be given them.
COMPILERS = {
    "12": (
        PACKAGES / "cuda_nvrtc/lib/libnvrtc.so.12",
        [PACKAGES / part / "include" for part in ("cuda_runtime", "cuda_nvcc", "cuda_cccl")],
    ),
    "13": (PACKAGES / "cu13/lib/libnvrtc.so.13", [PACKAGES / "cu13/include", PACKAGES / "cu13/include/cccl"]),
}
INCLUDE = "--include-path="


def gather():
    shutil.rmtree(SOURCES, ignore_errors=True)
    command = ["cargo", "test", "--release", "--workspace", "--test", "cuda", "--", "--ignored", "--exact", "sources"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "KERNEL_SOURCES": str(SOURCES)}, check=True)


class Compiler:
    def __init__(self, cuda):
        library, self.folders = COMPILERS[cuda]
        self.nvrtc = ctypes.CDLL(str(library))

    def version(self):
        major, minor = ctypes.c_int(), ctypes.c_int()
        self.nvrtc.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
        return f"{major.value}.{minor.value}"

    def knows(self, capability):
        count = ctypes.c_int()
        self.nvrtc.nvrtcGetNumSupportedArchs(ctypes.byref(count))
        known = (ctypes.c_int * count.value)()
        self.nvrtc.nvrtcGetSupportedArchs(known)
        return int(capability.replace(".", "")) in known

    def error(self, path):
        """What the compiler says against a source; none when it compiles."""
        given = path.with_suffix(".options").read_text().splitlines()
        options = [option for option in given if not option.startswith(INCLUDE)] + [f"{INCLUDE}{folder}" for folder in self.folders]
        array = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        program = ctypes.c_void_p()
        self.nvrtc.nvrtcCreateProgram(ctypes.byref(program), path.read_bytes(), None, 0, None, None)
        code = self.nvrtc.nvrtcCompileProgram(program, len(options), array)
        size = ctypes.c_size_t()
        self.nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        self.nvrtc.nvrtcGetProgramLog(program, log)
        self.nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
        return (log.value.decode(errors="replace").strip() or f"error {code}") if code else None


def compile_all(cuda, paths):
    compiler = Compiler(cuda)
    return [(path, compiler.error(path)) for path in paths]


def main():
    every = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    gather()
    capabilities = sorted((folder.name for folder in SOURCES.iterdir()), key=lambda name: float(name))
    processes = os.cpu_count() or 1
    print("NVRTC   compute capability   kernels   compiled   failed", flush=True)
    wrong = 0
    with ProcessPoolExecutor(processes) as pool:
        for cuda, capability in itertools.product(COMPILERS, capabilities):
            compiler = Compiler(cuda)
            paths = sorted((SOURCES / capability).glob("*.cu"))[::every]
            row = f"{compiler.version():7} {capability:20} {len(paths):7}"
            if not compiler.knows(capability):
                # CUDA 13 dropped all that is older than 7.5.
                expected = cuda == "13" and float(capability) < 7.5
                wrong += not expected
                print(f"{row}   this architecture is not known{'' if expected else ', but should be'}", flush=True)
                continue
            parts = [pool.submit(compile_all, cuda, paths[start::processes]) for start in range(processes)]
            failed = [(path, error) for part in parts for path, error in part.result() if error]
            wrong += len(failed) + (not paths)
            print(f"{row} {len(paths) - len(failed):10} {len(failed):8}", flush=True)
            for path, error in failed[:3]:
                print(f"    {path}: {error[:500]}", flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
