// A CUDA driver that is none: device memory is host memory, and kernels are the shared objects of nvrtc.cpp.
// README.md lists the environment variables that choose the card and inject faults.
#include <dlfcn.h>
#include <sys/mman.h>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>
#include "blocks.h"
#include "environment.h"

typedef int Result;
typedef unsigned long long Address;
#define API extern "C" __attribute__((visibility("default")))

// The driver's error codes that occur here.
enum {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NO_DEVICE = 100,
    INVALID_DEVICE = 101,
    NO_BINARY_FOR_GPU = 209,
    INVALID_PTX = 218,
    UNSUPPORTED_PTX_VERSION = 222,
    NOT_FOUND = 500,
    ILLEGAL_ADDRESS = 700,
    LAUNCH_OUT_OF_RESOURCES = 701,
    LAUNCH_FAILED = 719,
    NOT_SUPPORTED = 801,
    SYSTEM_DRIVER_MISMATCH = 803
};

static long long number(const char* name, long long otherwise) {
    std::string value = variable(name, "");
    return value.empty() ? otherwise : atoll(value.c_str());
}

static std::vector<std::string> list(const std::string& text) {
    std::vector<std::string> parts;
    for (size_t at = 0; at < text.size();) {
        size_t end = std::min(text.find(',', at), text.size());
        parts.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

// What a card answers to everything once a kernel has failed on it: such errors stay until the process ends.
static std::atomic<Result> lasting{SUCCESS};

static bool lasts(Result error) { return error == ILLEGAL_ADDRESS || error == LAUNCH_FAILED; }

// A fault of the form "n:code": the nth call fails with that code. Or the error that lasts.
static Result fault(const char* name, std::atomic<long>& calls) {
    if (lasting) return lasting;
    long call = ++calls;
    std::string plan = variable(name, "");
    size_t colon = plan.find(':');
    if (colon == std::string::npos || call != atol(plan.c_str())) return SUCCESS;
    Result error = atoi(plan.c_str() + colon + 1);
    if (lasts(error)) lasting = error;
    return error;
}

// ---- devices ----

struct Device {
    int major, minor;
    long long memory, used;
    std::string name;
    int capability() const { return 10 * major + minor; }
};

static std::vector<Device>& devices() {
    static std::vector<Device> all = [] {
        std::vector<Device> made;
        for (const std::string& cc : list(variable("EMULATED_CC", "6.1"))) {
            int major = atoi(cc.c_str()), minor = atoi(cc.c_str() + cc.find('.') + 1);
            std::string name = "Emulated GPU " + cc;
            made.push_back({major, minor, number("EMULATED_MEMORY", 8ll << 30), 0, name});
        }
        return made;
    }();
    return all;
}

static thread_local int current = 0;

static long long shared_memory_limit(int capability) {
    switch (capability) {
        case 70: case 72: return 98304;
        case 75: return 65536;
        case 80: case 87: return 166912;
        case 86: case 89: case 120: return 101376;
        default: return capability >= 90 ? 232448 : 49152;
    }
}

API Result cuInit(unsigned) { return number("EMULATED_INIT", SUCCESS); }

API Result cuDriverGetVersion(int* version) {
    *version = number("EMULATED_DRIVER", 12080);
    return SUCCESS;
}

API Result cuDeviceGetCount(int* count) {
    *count = devices().size();
    return SUCCESS;
}

API Result cuDeviceGet(int* device, int ordinal) {
    if (ordinal < 0 || ordinal >= int(devices().size())) return INVALID_DEVICE;
    *device = ordinal;
    return SUCCESS;
}

API Result cuDeviceGetName(char* name, int length, int device) {
    snprintf(name, length, "%s", devices()[device].name.c_str());
    return SUCCESS;
}

API Result cuDeviceTotalMem_v2(size_t* bytes, int device) {
    *bytes = devices()[device].memory;
    return SUCCESS;
}

API Result cuDeviceGetUuid_v2(char* uuid, int device) {
    memset(uuid, device, 16);
    return SUCCESS;
}

API Result cuDeviceGetAttribute(int* value, int attribute, int device) {
    const Device& d = devices()[device];
    switch (attribute) {
        case 1: case 2: case 3: *value = 1024; break;        // threads of a block, and along x and y
        case 4: *value = 64; break;                          // threads of a block along z
        case 5: *value = 2147483647; break;                  // blocks along x
        case 6: case 7: *value = 65535; break;               // blocks along y and z
        case 8: *value = 49152; break;                       // bytes of shared memory of a block
        case 10: *value = 32; break;                         // threads of a warp
        case 16: *value = d.major >= 8 ? 82 : 20; break;     // multiprocessors
        case 75: *value = d.major; break;
        case 76: *value = d.minor; break;
        case 97: *value = shared_memory_limit(d.capability()); break;
        case 115: *value = getenv("EMULATED_NO_ASYNC") ? 0 : 1; break;   // pools of memory
        default: *value = 0;
    }
    return SUCCESS;
}

// ---- contexts, streams and events: all work is done at once ----

static std::atomic<uintptr_t> next_handle{16};

static Result give_handle(void** handle) {
    *handle = reinterpret_cast<void*>(next_handle += 16);
    return SUCCESS;
}

API Result cuDevicePrimaryCtxRetain(void** context, int device) {
    *context = reinterpret_cast<void*>(uintptr_t(device + 1));
    return SUCCESS;
}

API Result cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }

API Result cuCtxSetCurrent(void* context) {
    current = context ? int(reinterpret_cast<uintptr_t>(context)) - 1 : 0;
    return SUCCESS;
}

API Result cuCtxGetCurrent(void** context) {
    *context = reinterpret_cast<void*>(uintptr_t(current + 1));
    return SUCCESS;
}

API Result cuCtxSynchronize() { return lasting; }
API Result cuStreamCreate(void** stream, unsigned) { return give_handle(stream); }
API Result cuStreamDestroy_v2(void*) { return SUCCESS; }
API Result cuStreamSynchronize(void*) { return lasting; }
API Result cuStreamWaitEvent(void*, void*, unsigned) { return lasting; }
API Result cuEventCreate(void** event, unsigned) { return give_handle(event); }
API Result cuEventRecord(void*, void*) { return lasting; }
API Result cuEventDestroy_v2(void*) { return SUCCESS; }

API Result cuEventSynchronize(void*) {
    static std::atomic<long> calls{0};
    return fault("EMULATED_EVENT_FAULT", calls);
}

// ---- memory ----

static std::mutex memory;

struct Allocation {
    size_t bytes;
    int device;
};
static std::map<Address, Allocation> allocations;
static std::map<void*, size_t> pinned;

const size_t PAGE = 4096;

static size_t whole_pages(size_t bytes) { return (bytes + PAGE - 1) / PAGE * PAGE; }

API Result cuMemGetInfo_v2(size_t* free, size_t* total) {
    std::lock_guard<std::mutex> lock(memory);
    const Device& d = devices()[current];
    *total = d.memory;
    *free = d.memory - d.used;
    return SUCCESS;
}

static Result allocate(Address* address, size_t bytes) {
    std::lock_guard<std::mutex> lock(memory);
    Device& d = devices()[current];
    if (lasting) return lasting;
    if (bytes == 0) return INVALID_VALUE;
    if (d.used + (long long)bytes > d.memory) return OUT_OF_MEMORY;
    // A page before and a page after cannot be touched. What nobody has written is not a number.
    size_t whole = whole_pages(bytes);
    void* all = mmap(nullptr, whole + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED) return OUT_OF_MEMORY;
    char* usable = static_cast<char*>(all) + PAGE;
    mprotect(usable, whole, PROT_READ | PROT_WRITE);
    memset(usable, 0xff, whole);
    *address = reinterpret_cast<Address>(usable);
    allocations[*address] = {bytes, current};
    d.used += bytes;
    return SUCCESS;
}

static Result release(Address address) {
    std::lock_guard<std::mutex> lock(memory);
    auto found = allocations.find(address);
    if (found == allocations.end()) return INVALID_VALUE;
    devices()[found->second.device].used -= found->second.bytes;
    munmap(reinterpret_cast<char*>(address) - PAGE, whole_pages(found->second.bytes) + 2 * PAGE);
    allocations.erase(found);
    return SUCCESS;
}

API Result cuMemAlloc_v2(Address* address, size_t bytes) { return allocate(address, bytes); }
API Result cuMemFree_v2(Address address) { return release(address); }
API Result cuMemFreeAsync(Address address, void*) { return release(address); }

API Result cuMemAllocAsync(Address* address, size_t bytes, void*) {
    return getenv("EMULATED_NO_ASYNC") ? Result(NOT_SUPPORTED) : allocate(address, bytes);
}

API Result cuMemAllocHost_v2(void** address, size_t bytes) {
    std::lock_guard<std::mutex> lock(memory);
    *address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    pinned[*address] = bytes;
    return SUCCESS;
}

API Result cuMemFreeHost(void* address) {
    std::lock_guard<std::mutex> lock(memory);
    munmap(address, pinned[address]);
    pinned.erase(address);
    return SUCCESS;
}

static Result copy(void* to, const void* from, size_t bytes) {
    if (!lasting) memcpy(to, from, bytes);
    return lasting;
}

API Result cuMemcpyHtoD_v2(Address to, const void* from, size_t n) { return copy((void*)to, from, n); }
API Result cuMemcpyDtoH_v2(void* to, Address from, size_t n) { return copy(to, (void*)from, n); }
API Result cuMemcpyHtoDAsync_v2(Address to, const void* from, size_t n, void*) { return copy((void*)to, from, n); }
API Result cuMemcpyDtoHAsync_v2(void* to, Address from, size_t n, void*) { return copy(to, (void*)from, n); }

// As CUDA_MEMCPY2D of cuda.h; a type of 1 is host memory.
struct Side {
    size_t x, y;
    int type;
    char* host;
    Address device;
    void* array;
    size_t pitch;
    char* start() const { return type == 1 ? host : reinterpret_cast<char*>(device); }
};
struct Copy2D {
    Side from, to;
    size_t width, height;
};

API Result cuMemcpy2DAsync_v2(const Copy2D* c, void*) {
    for (size_t y = 0; y < c->height; y++)
        copy(c->to.start() + y * c->to.pitch, c->from.start() + y * c->from.pitch, c->width);
    return lasting;
}

// The tensor memory accelerator of 9.0 and newer is not emulated: kernels that use it compute nothing.
API Result cuTensorMapEncodeTiled() { return SUCCESS; }
API Result cuTensorMapEncodeIm2col() { return SUCCESS; }
API Result cuTensorMapEncodeIm2colWide() { return SUCCESS; }

// ---- modules and launches ----

// The newest PTX that a driver takes, as ten times its version.
static int newest_ptx(int driver) {
    int major = driver / 1000, minor = driver % 1000 / 10;
    if (major == 13) return 90 + minor;
    if (major < 12) return 70 + minor;
    return minor <= 4 ? 80 + minor : minor <= 6 ? 85 : minor == 8 ? 87 : 88;
}

// Modules whose kernels do nothing, or are refused.
static char nothing, refused;

// nvrtc.cpp hands out "EMULATED PTX sm_86 version=87 object=/path".
API Result cuModuleLoadData(void** module, const void* image) {
    if (lasting) return lasting;
    std::string text = static_cast<const char*>(image);
    size_t target = text.find("sm_"), version = text.find("version="), object = text.find("object=");
    if (text.compare(0, 12, "EMULATED PTX") || object == std::string::npos) return INVALID_PTX;
    if (atoi(text.c_str() + version + 8) > newest_ptx(number("EMULATED_DRIVER", 12080))) return UNSUPPORTED_PTX_VERSION;
    int made_for = atoi(text.c_str() + target + 3), own = devices()[current].capability();
    // "sm_90a" runs on 9.0 alone, "sm_86" on all that is newer.
    bool exact = text[text.find(' ', target) - 1] == 'a';
    if (made_for > own || (exact && made_for != own)) return NO_BINARY_FOR_GPU;
    std::string path = text.substr(object + 7, text.find('\n', object) - object - 7);
    if (path == "none" || path == "refused") {
        *module = path == "none" ? &nothing : &refused;
        return SUCCESS;
    }
    *module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    return *module ? SUCCESS : INVALID_PTX;
}

API Result cuModuleUnload(void*) { return SUCCESS; }

API Result cuModuleGetFunction(void** function, void* module, const char* name) {
    Kernel* kernel = new Kernel();
    *function = kernel;
    kernel->name = name;
    kernel->refused = module == &refused;
    if (module == &nothing || module == &refused) return SUCCESS;
    kernel->entry = reinterpret_cast<Entry>(dlsym(module, "entry"));
    if (!kernel->entry) return NOT_FOUND;
    kernel->waits = *static_cast<int*>(dlsym(module, "waits"));
    return SUCCESS;
}

API Result cuFuncSetAttribute(void*, int, int) { return lasting; }

API Result cuLaunchKernel(void* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                          unsigned shared_bytes, void*, void** arguments, void**) {
    static std::atomic<long> calls{0};
    const Kernel* kernel = static_cast<const Kernel*>(function);
    if (Result error = fault("EMULATED_LAUNCH_FAULT", calls)) return error;
    bool fits = gx && gy && gz && bx && by && bz && bx * by * bz <= 1024 && gy <= 65535 && gz <= 65535;
    if (!fits) return INVALID_VALUE;
    // As one that needs more registers than the card has: autotuning goes on to other kernels.
    if (kernel->refused) return LAUNCH_OUT_OF_RESOURCES;
    if (kernel->entry) run({kernel, arguments, {gx, gy, gz}, {bx, by, bz}, shared_bytes});
    return SUCCESS;
}

// ---- errors ----

struct Description {
    int code;
    const char *name, *text;
};
static const Description DESCRIPTIONS[] = {
    {SUCCESS, "CUDA_SUCCESS", "no error"},
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"},
    {INVALID_PTX, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"},
    {UNSUPPORTED_PTX_VERSION, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
     "the provided PTX was compiled with an unsupported toolchain."},
    {NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {LAUNCH_OUT_OF_RESOURCES, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
    {LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {SYSTEM_DRIVER_MISMATCH, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
     "system has unsupported display driver / cuda driver combination"},
};

static Description describe(int code) {
    for (const Description& d : DESCRIPTIONS)
        if (d.code == code) return d;
    return {code, "CUDA_ERROR_UNKNOWN", "unknown error"};
}

API Result cuGetErrorName(int code, const char** name) {
    *name = describe(code).name;
    return SUCCESS;
}

API Result cuGetErrorString(int code, const char** text) {
    *text = describe(code).text;
    return SUCCESS;
}
