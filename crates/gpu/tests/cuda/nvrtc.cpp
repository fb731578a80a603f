// An NVRTC that compiles CubeCL's CUDA C++ for the processor, with g++ and device_code.h, and hands back the path of a
// shared object as "PTX". README.md lists the environment variables.
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <string>
#include <vector>
#include "environment.h"

#define API extern "C" __attribute__((visibility("default")))

enum { SUCCESS = 0, INVALID_OPTION = 5, COMPILATION = 6 };

struct Program {
    std::string source, log, ptx;
};

struct Version {
    int major, minor;
    bool before(int a, int b) const { return major < a || (major == a && minor < b); }
};

static Version version() {
    Version v{12, 8};
    sscanf(variable("EMULATED_NVRTC", "12.8").c_str(), "%d.%d", &v.major, &v.minor);
    return v;
}

// FNV-1a.
static std::string hash(const std::string& text) {
    uint64_t h = 1469598103934665603ull;
    for (unsigned char c : text) h = (h ^ c) * 1099511628211ull;
    char digits[17];
    snprintf(digits, sizeof digits, "%016llx", (unsigned long long)h);
    return digits;
}

static std::string folder_of_this_library() {
    Dl_info info;
    dladdr(reinterpret_cast<void*>(hash), &info);
    std::string path = info.dli_fname;
    return path.substr(0, path.rfind('/'));
}

static std::string read(const std::string& path) {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

static bool exists(const std::string& path) { return access(path.c_str(), R_OK) == 0; }

static std::string replace(const std::string& text, const char* pattern, const char* by) {
    return std::regex_replace(text, std::regex(pattern), by);
}

// ---- what the true compiler would refuse ----

static std::vector<int> known_architectures() {
    const Version v = version();
    if (!v.before(13, 0)) return {75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121};
    std::vector<int> known = {50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87};
    if (!v.before(11, 8)) known.insert(known.end(), {89, 90});
    if (!v.before(12, 8)) known.insert(known.end(), {100, 101, 120});
    if (!v.before(12, 9)) known.insert(known.end(), {103, 121});
    return known;
}

static bool knows(const std::string& architecture) {
    const std::vector<int> known = known_architectures();
    return std::find(known.begin(), known.end(), atoi(architecture.c_str() + strlen("sm_"))) != known.end();
}

// The first header that no folder has. That of tensor cores needs one more, which comes in another package.
static std::string missing_header(const std::string& source, const std::vector<std::string>& folders) {
    static const std::regex include("#include <([^>]*)>");
    for (std::sregex_iterator at(source.begin(), source.end(), include), end; at != end; ++at) {
        std::vector<std::string> needed = {(*at)[1]};
        if (needed[0] == "mma.h") needed.push_back("crt/mma.h");
        for (const std::string& header : needed) {
            auto has = [&](const std::string& folder) { return exists(folder + "/" + header); };
            if (std::none_of(folders.begin(), folders.end(), has)) return header;
        }
    }
    return "";
}

// ---- translation ----

// The kernel takes its place as its first argument, and shared memory from that.
static std::string with_place(const std::string& source, std::string& name) {
    std::smatch match;
    std::regex signature(
        "extern \"C\" __global__ "
        "void\\s+(__launch_bounds__\\(\\d+\\)\\s*)?(__cluster_dims__\\([^)]*\\)\\s*)?(\\w+)\\s*\\(");
    if (!std::regex_search(source, match, signature)) return "";
    name = match[3];
    std::string rest = match.suffix();
    bool has_arguments = !std::regex_search(rest, std::regex("^\\s*\\)"));
    std::string head = "static inline __attribute__((always_inline)) void " + name + "(Place* const place";
    return std::string(match.prefix()) + head + (has_arguments ? ", " : "") + rest;
}

// What is written in PTX, or as members of a barrier, has its counterpart in device_code.h.
static std::string without_assembly(std::string s) {
    s = replace(s,
                "inline __device__ void\\s*__mma_m16n8k8_float_float_float\\([^)]*\\) \\{[^}]*?asm "
                "volatile[\\s\\S]*?\\);\\s*\\}",
                "");
    size_t from =
        s.find("// Wrapper for https://docs.nvidia.com/cuda/parallel-thread-execution/#parallel-synchronization");
    const std::string last = "\"n\"(16) : \"memory\");\n}";
    size_t to = s.rfind(last);
    if (from != std::string::npos && to != std::string::npos) s.erase(from, to + last.size() - from);
    s = replace(s, "(\\w+)\\.arrive_and_wait\\(\\);", "await(place, $1, arrive($1));");
    s = replace(s, "(\\w+)\\.wait\\(std::move\\((\\w+)\\)\\);", "await(place, $1, $2);");
    s = replace(s, "(\\w+)\\.wait_parity\\(([^;]*)\\);", "await_parity(place, $1, $2);");
    return replace(s, "(\\w+)\\.arrive\\(\\);", "arrive($1);");
}

// What a kernel computes with.
static std::string tags(const std::string& source) {
    auto has = [&](const char* what) { return source.find(what) != std::string::npos; };
    std::string tags = has("__mma_m16") ? "[mma]" : "";
    if (has("nvcuda::wmma::mma_sync")) tags += "[wmma]";
    return tags + (has("tensor_map_") ? "[tma]" : has("__cp_async_shared_global") ? "[async]" : "[sync]");
}

static std::string translated(const std::string& source) {
    std::string name, s = with_place(source, name);
    if (s.empty()) return "";
    s = replace(s, "extern __shared__ __align__\\(\\d+\\) uint8 dynamic_shared_mem\\[\\];",
                "uint8* const dynamic_shared_mem = (uint8*)place->shared;");
    s = without_assembly(replace(s, "#include <[^>]*>\n", ""));
    // CubeCL's mma kernels pass tiles from lane to lane through shared memory without __syncwarp, and rely on warps
    // that move in lockstep (docs/upstream-faults.md).
    if (source.find("__mma_m16n8k8_float") != std::string::npos)
        s = replace(s, "(const float(_\\d+)? l_\\d+ = (shared_memory|_tmp)_\\d+\\[[^\\]]*\\];)",
                    "place->sync_warp(place); $1 place->sync_warp(place);");
    bool waits = std::regex_search(s, std::regex("__sync|_sync\\(|__activemask|\\bmma|wmma|ldmatrix|barrier"));
    const std::string exported = "extern \"C\" __attribute__((visibility(\"default\"))) ";
    return s + "\n" + exported + "void entry(Place* place, void** arguments) { call(place, arguments, " + name + "); }\n" +
           exported + "int waits = " + (waits ? "1" : "0") + ";\n";
}

// Whether the driver is to refuse its launches, so that autotuning chooses others. Then it need not be compiled.
static bool is_refused(const std::string& source) {
    std::string name;
    with_place(source, name);
    std::istringstream words(variable("EMULATED_REFUSED", ""));
    for (std::string word; std::getline(words, word, ',');)
        if ((name + tags(source)).find(word) != std::string::npos) return true;
    return false;
}

// Compiles a source, or finds what was compiled before. The path of the object; none after an error.
static std::string object_of(const std::string& source, std::string& log) {
    const std::string folder = variable("EMULATED_KERNELS", "emulated-kernels");
    const std::string object = folder + "/" + hash(EMULATOR_VERSION + source) + ".so";
    if (exists(object)) return object;
    const std::string code = translated(source);
    if (code.empty()) {
        log = "default_program(1): error: no kernel in the source\n";
        return "";
    }
    mkdir(folder.c_str(), 0777);
    // Other processes may compile the same kernel: a whole object takes its name at the end.
    const std::string own = object + "." + std::to_string(getpid());
    std::ofstream(own + ".cpp") << code;
    const std::string command = "g++ " KERNEL_FLAGS " -include " + folder_of_this_library() + "/device_code.h -shared -o " + own +
                                " " + own + ".cpp 2> " + own + ".log";
    if (system(command.c_str()) != 0 || rename(own.c_str(), object.c_str()) != 0) {
        log = read(own + ".log");
        fprintf(stderr, "emulated NVRTC: %s.cpp does not compile\n%.3000s\n", own.c_str(), log.c_str());
        return "";
    }
    for (const char* ending : {".cpp", ".log"}) unlink((own + ending).c_str());
    return object;
}

// ---- the interface ----

API int nvrtcVersion(int* major, int* minor) {
    *major = version().major;
    *minor = version().minor;
    return SUCCESS;
}

API int nvrtcGetNumSupportedArchs(int* count) {
    *count = int(known_architectures().size());
    return SUCCESS;
}

API int nvrtcGetSupportedArchs(int* architectures) {
    for (int architecture : known_architectures()) *architectures++ = architecture;
    return SUCCESS;
}

API int nvrtcCreateProgram(Program** p, const char* source, const char*, int, const char* const*, const char* const*) {
    *p = new Program{source, "", ""};
    return SUCCESS;
}

API int nvrtcDestroyProgram(Program** p) {
    delete *p;
    *p = nullptr;
    return SUCCESS;
}

API const char* nvrtcGetErrorString(int code) {
    return code == COMPILATION      ? "NVRTC_ERROR_COMPILATION"
           : code == INVALID_OPTION ? "NVRTC_ERROR_INVALID_OPTION"
                                    : "NVRTC_ERROR";
}

static int ptx_version(const Version& v) {
    if (v.major >= 13) return 90 + v.minor;
    if (v.major < 12) return 70 + v.minor;
    return v.minor <= 4 ? 80 + v.minor : v.minor <= 6 ? 85 : v.minor == 8 ? 87 : 88;
}

// Writes a source and its options where `make test-nvrtc` finds them.
static void keep(const Program& p, const std::string& options) {
    std::string folder = variable("EMULATED_SOURCES", "");
    if (folder.empty()) return;
    std::string base = folder + "/" + hash(p.source + options);
    std::ofstream(base + ".cu") << p.source;
    std::ofstream(base + ".options") << options;
}

// Where sources are gathered only the kernel that tries the card is run.
static bool is_compiled(const std::string& source) {
    return !getenv("EMULATED_SOURCES") || source.find(" probe (") != std::string::npos;
}

API int nvrtcCompileProgram(Program* p, int count, const char* const* options) {
    std::string all, architecture;
    std::vector<std::string> folders;
    for (int i = 0; i < count; i++) {
        std::string option = options[i];
        all += option + "\n";
        if (option.rfind("--gpu-architecture=", 0) == 0) architecture = option.substr(19);
        if (option.rfind("--include-path=", 0) == 0) folders.push_back(option.substr(15));
    }
    keep(*p, all);
    if (!knows(architecture)) {
        p->log = "nvrtc: error: invalid value for --gpu-architecture (-arch)\n";
        return INVALID_OPTION;
    }
    std::string missing = missing_header(p->source, folders);
    std::string fault = variable("EMULATED_COMPILE_FAULT", "");
    if (!missing.empty())
        p->log = "default_program(1): catastrophic error: could not open source file \"" + missing + "\"\n";
    if (!fault.empty() && p->source.find(fault) != std::string::npos)
        p->log = "default_program(7): error: an injected fault\n";
    std::string object = "none";
    if (is_refused(p->source)) object = "refused";
    else if (p->log.empty() && is_compiled(p->source)) object = object_of(p->source, p->log);
    if (!p->log.empty()) return COMPILATION;
    p->ptx = "EMULATED PTX " + architecture + " version=" + std::to_string(ptx_version(version())) +
             " object=" + object + "\n";
    return SUCCESS;
}

API int nvrtcGetProgramLogSize(Program* p, size_t* bytes) {
    *bytes = p->log.size() + 1;
    return SUCCESS;
}

API int nvrtcGetProgramLog(Program* p, char* to) {
    strcpy(to, p->log.c_str());
    return SUCCESS;
}

API int nvrtcGetPTXSize(Program* p, size_t* bytes) {
    *bytes = p->ptx.size() + 1;
    return SUCCESS;
}

API int nvrtcGetPTX(Program* p, char* to) {
    strcpy(to, p->ptx.c_str());
    return SUCCESS;
}
