// A CUDA driver that is not one: device memory is memory, and kernels are shared objects that the emulated NVRTC compiled.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <thread>

#include "environment.h"
#include "execute.h"

#define API extern "C" __attribute__((visibility("default")))

typedef int CUresult;
typedef unsigned long long CUdeviceptr;

namespace {

enum Error : CUresult {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NO_DEVICE = 100,
    INVALID_DEVICE = 101,
    NO_BINARY_FOR_GPU = 209,
    INVALID_PTX = 218,
    UNSUPPORTED_PTX_VERSION = 222,
    NOT_FOUND = 500,
    NOT_SUPPORTED = 801,
};

struct ErrorText {
    CUresult error;
    const char *name, *text;
};
const ErrorText ERROR_TEXTS[] = {
    {SUCCESS, "CUDA_SUCCESS", "no error"},
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"},
    {INVALID_PTX, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {UNSUPPORTED_PTX_VERSION, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the provided PTX was compiled with an unsupported toolchain."},
    {NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"},
};

// What is said of an error; of one that is not in the list, that it is unknown.
ErrorText text_of(CUresult error) {
    for (const ErrorText& known : ERROR_TEXTS)
        if (known.error == error) return known;
    return {error, "CUDA_ERROR_UNKNOWN", "unknown error"};
}

struct Device {
    Version capability;
    size_t memory, used;
    // The error that a kernel or a wait met: such a device answers everything with it.
    CUresult broken;

    int architecture() const { return capability.major * 10 + capability.minor; }
};

std::mutex lock;
thread_local int current = 0;

std::vector<Device>& devices() {
    static std::vector<Device> all = [] {
        std::vector<Device> made;
        const size_t memory = static_cast<size_t>(number("EMULATED_MEMORY", 4ll << 30));
        for (const std::string& capability : list("EMULATED_CC", "6.1")) made.push_back({version(capability), memory, 0, SUCCESS});
        return made;
    }();
    return all;
}

Device& device() {
    return devices()[current];
}

// A fault that is asked for as "n:error": the nth call meets it.
CUresult planned_fault(const char* variable, std::atomic<long>& calls) {
    const std::string plan = text(variable, "");
    if (plan.empty() || ++calls != atol(plan.c_str())) return SUCCESS;
    return device().broken = atoi(plan.c_str() + plan.find(':') + 1);
}

// ---- Memory ----

const size_t PAGE = 4096;

struct Allocation {
    size_t bytes;
    int device;

    size_t in_pages() const { return (bytes + PAGE - 1) / PAGE * PAGE; }
};
std::map<CUdeviceptr, Allocation> allocations;

// Memory between two pages that nobody may touch. It is not a number wherever it is read before it is written.
CUresult allocate(CUdeviceptr* place, size_t bytes) {
    std::lock_guard<std::mutex> guard(lock);
    if (device().broken) return device().broken;
    if (bytes == 0) return INVALID_VALUE;
    if (device().used + bytes > device().memory) return OUT_OF_MEMORY;
    const Allocation made = {bytes, current};
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void* mapped = mmap(nullptr, made.in_pages() + 2 * PAGE, PROT_NONE, flags, -1, 0);
    if (mapped == MAP_FAILED) return OUT_OF_MEMORY;
    char* usable = static_cast<char*>(mapped) + PAGE;
    mprotect(usable, made.in_pages(), PROT_READ | PROT_WRITE);
    memset(usable, 0xff, made.in_pages());
    *place = reinterpret_cast<CUdeviceptr>(usable);
    allocations[*place] = made;
    device().used += bytes;
    return SUCCESS;
}

CUresult release(CUdeviceptr place) {
    std::lock_guard<std::mutex> guard(lock);
    const auto found = allocations.find(place);
    if (found == allocations.end()) return INVALID_VALUE;
    const Allocation& made = found->second;
    devices()[made.device].used -= made.bytes;
    munmap(reinterpret_cast<char*>(place) - PAGE, made.in_pages() + 2 * PAGE);
    allocations.erase(found);
    return SUCCESS;
}

CUresult copy(void* to, const void* from, size_t bytes) {
    if (!device().broken) memcpy(to, from, bytes);
    return device().broken;
}

// ---- Kernels ----

// EMULATED_SLOW: as long as this takes a kernel that autotuning is not to choose.
const std::chrono::milliseconds SLOW(20);

struct Kernel {
    KernelEntry entry;
    bool waits, slow;
};

// What the emulated NVRTC gives in place of PTX.
struct Image {
    int ptx = 0, architecture = 0;
    bool only_there = false;
    char object[4096] = "";

    bool read(const char* words) {
        char own = ' ';
        const char* form = "emulated version=%d target=sm_%d%c";
        if (sscanf(words, form, &ptx, &architecture, &own) != 3) return false;
        only_there = own == 'a';
        return sscanf(strstr(words, "object="), "object=%4095s", object) == 1;
    }
};

bool is_slow(const std::string& name_and_tags) {
    for (const std::string& words : list("EMULATED_SLOW", ""))
        if (name_and_tags.find(words) != std::string::npos) return true;
    return false;
}

// A module that was not compiled: its kernels do nothing.
char nothing;

CUresult load(void** module, const char* words) {
    Image image;
    if (device().broken) return device().broken;
    if (!image.read(words)) return INVALID_PTX;
    const int driver = static_cast<int>(number("EMULATED_DRIVER", 12080));
    if (image.ptx > newest_ptx({driver / 1000, driver % 1000 / 10})) return UNSUPPORTED_PTX_VERSION;
    const int architecture = device().architecture();
    if (image.architecture > architecture || (image.only_there && image.architecture != architecture)) return NO_BINARY_FOR_GPU;
    *module = &nothing;
    if (!strcmp(image.object, "none")) return SUCCESS;
    *module = dlopen(image.object, RTLD_NOW | RTLD_LOCAL);
    return *module ? SUCCESS : INVALID_PTX;
}

CUresult find_kernel(void** kernel, void* module, const char* name) {
    auto* found = new Kernel{nullptr, false, false};
    *kernel = found;
    if (module == &nothing) return SUCCESS;
    found->entry = reinterpret_cast<KernelEntry>(dlsym(module, NAME_OF(KERNEL_ENTRY)));
    if (!found->entry) return NOT_FOUND;
    found->waits = *static_cast<const int*>(dlsym(module, NAME_OF(KERNEL_WAITS)));
    found->slow = is_slow(name + std::string(static_cast<const char*>(dlsym(module, NAME_OF(KERNEL_TAGS)))));
    return SUCCESS;
}

bool is_possible(Index3 grid, Index3 block) {
    const uint64_t threads = static_cast<uint64_t>(block.x) * block.y * block.z;
    return grid.x && grid.y && grid.z && threads && threads <= 1024 && grid.y <= 65535 && grid.z <= 65535;
}

CUresult launch(const Kernel& kernel, const Launch& launch) {
    static std::atomic<long> launches{0};
    if (!device().broken) planned_fault("EMULATED_LAUNCH_FAILS", launches);
    if (device().broken) return device().broken;
    if (!is_possible(launch.grid_size, launch.block_size)) return INVALID_VALUE;
    if (!kernel.entry) return SUCCESS;
    static std::mutex one_at_a_time;
    std::lock_guard<std::mutex> guard(one_at_a_time);
    execute(launch);
    if (kernel.slow) std::this_thread::sleep_for(SLOW);
    return SUCCESS;
}

CUresult wait_for_event() {
    static std::atomic<long> waits{0};
    if (!device().broken) planned_fault("EMULATED_EVENT_FAILS", waits);
    return device().broken;
}

// ---- Attributes of devices ----

int shared_memory_of_a_block(int architecture) {
    switch (architecture) {
        case 70: case 72: return 98304;
        case 75: return 65536;
        case 80: case 87: return 166912;
        case 90: case 100: return 232448;
        default: return architecture >= 86 ? 101376 : 49152;
    }
}

int attribute(int what, const Device& device) {
    const int architecture = device.architecture();
    switch (what) {
        case 1: case 2: case 3: return 1024;  // threads of a block, and its size along x and y
        case 4: return 64;                    // and along z
        case 5: return 2147483647;            // size of a grid along x
        case 6: case 7: return 65535;         // and along y and z
        case 8: return 49152;                 // shared memory of a block
        case 10: return WARP;
        case 16: return architecture >= 90 ? 132 : architecture >= 80 ? 82 : 20;  // multiprocessors
        case 75: return device.capability.major;
        case 76: return device.capability.minor;
        case 97: return shared_memory_of_a_block(architecture);  // where a kernel asks for more
        case 115: return !number("EMULATED_NO_ASYNC", 0);        // memory pools
        default: return 0;
    }
}

void* new_handle() {
    static std::atomic<uintptr_t> last{0};
    return reinterpret_cast<void*>(last += 16);
}

bool is_device(int ordinal) {
    return ordinal >= 0 && ordinal < static_cast<int>(devices().size());
}

}  // namespace

API CUresult cuInit(unsigned) { return static_cast<CUresult>(number("EMULATED_INIT", SUCCESS)); }
API CUresult cuDriverGetVersion(int* version) {
    *version = static_cast<int>(number("EMULATED_DRIVER", 12080));
    return SUCCESS;
}
API CUresult cuGetErrorName(CUresult error, const char** name) {
    *name = text_of(error).name;
    return SUCCESS;
}
API CUresult cuGetErrorString(CUresult error, const char** words) {
    *words = text_of(error).text;
    return SUCCESS;
}

API CUresult cuDeviceGetCount(int* count) {
    *count = static_cast<int>(devices().size());
    return SUCCESS;
}
API CUresult cuDeviceGet(int* handle, int ordinal) {
    *handle = ordinal;
    return is_device(ordinal) ? SUCCESS : INVALID_DEVICE;
}
API CUresult cuDeviceGetName(char* name, int length, int ordinal) {
    snprintf(name, length, "Emulated GPU sm_%d", devices()[ordinal].architecture());
    return SUCCESS;
}
API CUresult cuDeviceTotalMem_v2(size_t* bytes, int ordinal) {
    *bytes = devices()[ordinal].memory;
    return SUCCESS;
}
API CUresult cuDeviceGetUuid_v2(char* uuid, int ordinal) {
    memset(uuid, ordinal, 16);
    return SUCCESS;
}
API CUresult cuDeviceGetAttribute(int* value, int what, int ordinal) {
    *value = attribute(what, devices()[ordinal]);
    return SUCCESS;
}

// A context is a device's number and one, so that none is null.
API CUresult cuDevicePrimaryCtxRetain(void** context, int ordinal) {
    *context = reinterpret_cast<void*>(static_cast<uintptr_t>(ordinal) + 1);
    return SUCCESS;
}
API CUresult cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
API CUresult cuCtxSetCurrent(void* context) {
    if (context) current = static_cast<int>(reinterpret_cast<uintptr_t>(context)) - 1;
    return SUCCESS;
}
API CUresult cuCtxGetCurrent(void** context) { return cuDevicePrimaryCtxRetain(context, current); }
API CUresult cuCtxSynchronize() { return device().broken; }

// Everything is done at once, so that streams and events have nothing to wait for.
API CUresult cuStreamCreate(void** stream, unsigned) {
    *stream = new_handle();
    return SUCCESS;
}
API CUresult cuStreamDestroy_v2(void*) { return SUCCESS; }
API CUresult cuStreamSynchronize(void*) { return device().broken; }
API CUresult cuStreamWaitEvent(void*, void*, unsigned) { return device().broken; }
API CUresult cuEventCreate(void** event, unsigned) {
    *event = new_handle();
    return SUCCESS;
}
API CUresult cuEventRecord(void*, void*) { return device().broken; }
API CUresult cuEventSynchronize(void*) { return wait_for_event(); }
API CUresult cuEventDestroy_v2(void*) { return SUCCESS; }

API CUresult cuMemGetInfo_v2(size_t* free_bytes, size_t* total) {
    std::lock_guard<std::mutex> guard(lock);
    *total = device().memory;
    *free_bytes = device().memory - device().used;
    return SUCCESS;
}
API CUresult cuMemAlloc_v2(CUdeviceptr* place, size_t bytes) { return allocate(place, bytes); }
API CUresult cuMemAllocAsync(CUdeviceptr* place, size_t bytes, void*) {
    return number("EMULATED_NO_ASYNC", 0) ? NOT_SUPPORTED : allocate(place, bytes);
}
API CUresult cuMemFree_v2(CUdeviceptr place) { return release(place); }
API CUresult cuMemFreeAsync(CUdeviceptr place, void*) { return release(place); }
API CUresult cuMemAllocHost_v2(void** place, size_t bytes) { return (*place = malloc(bytes)) ? SUCCESS : OUT_OF_MEMORY; }
API CUresult cuMemFreeHost(void* place) {
    free(place);
    return SUCCESS;
}

API CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, size_t bytes) {
    return copy(reinterpret_cast<void*>(to), from, bytes);
}
API CUresult cuMemcpyDtoH_v2(void* to, CUdeviceptr from, size_t bytes) {
    return copy(to, reinterpret_cast<const void*>(from), bytes);
}
API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, size_t bytes, void*) {
    return cuMemcpyHtoD_v2(to, from, bytes);
}
API CUresult cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, size_t bytes, void*) {
    return cuMemcpyDtoH_v2(to, from, bytes);
}
// CUDA_MEMCPY2D: a side whose kind is 1 is of the host, all others are of a device.
struct Side {
    size_t x, y;
    int kind;
    const void* host;
    CUdeviceptr device;
    void* array;
    size_t pitch;

    char* begin() const { return kind == 1 ? static_cast<char*>(const_cast<void*>(host)) : reinterpret_cast<char*>(device); }
};
struct Copy2D {
    Side from, to;
    size_t width, height;
};
API CUresult cuMemcpy2DAsync_v2(const Copy2D* wanted, void*) {
    for (size_t row = 0; row < wanted->height; row++) {
        char* to = wanted->to.begin() + row * wanted->to.pitch;
        if (CUresult error = copy(to, wanted->from.begin() + row * wanted->from.pitch, wanted->width)) return error;
    }
    return SUCCESS;
}
// Kernels that take tensor maps are compiled, but their numbers are not emulated.
API CUresult cuTensorMapEncodeTiled() { return SUCCESS; }
API CUresult cuTensorMapEncodeIm2col() { return SUCCESS; }
API CUresult cuTensorMapEncodeIm2colWide() { return SUCCESS; }

API CUresult cuModuleLoadData(void** module, const void* image) { return load(module, static_cast<const char*>(image)); }
// Kernels may still be asked for by whoever has them: modules stay.
API CUresult cuModuleUnload(void*) { return SUCCESS; }
API CUresult cuModuleGetFunction(void** kernel, void* module, const char* name) { return find_kernel(kernel, module, name); }
API CUresult cuFuncSetAttribute(void*, int, int) { return device().broken; }
API CUresult cuLaunchKernel(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
                            unsigned block_z, unsigned shared_bytes, void*, void** arguments, void**) {
    const Kernel& kernel = *static_cast<Kernel*>(function);
    const Index3 grid = {grid_x, grid_y, grid_z}, block = {block_x, block_y, block_z};
    return launch(kernel, {kernel.entry, kernel.waits, grid, block, shared_bytes, arguments});
}
