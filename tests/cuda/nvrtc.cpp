// An NVRTC that compiles CUDA C++ for the processor, and gives back the path of a shared object in place of PTX.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <regex>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

#include "environment.h"
#include "translate.h"

#define API extern "C" __attribute__((visibility("default")))

namespace {

enum Result { SUCCESS = 0, INVALID_OPTION = 5, COMPILATION = 6 };

struct Program {
    std::string source, log, ptx;
};

struct Options {
    std::string all, architecture;
    std::vector<std::string> folders;
};

Version own_version() {
    return version(text("EMULATED_NVRTC", "12.8"));
}

bool exists(const std::string& path) {
    return access(path.c_str(), R_OK) == 0;
}

std::string written(const std::string& path) {
    std::stringstream all;
    all << std::ifstream(path).rdbuf();
    return all.str();
}

// FNV-1a, as sixteen digits.
std::string key_of(const std::string& words) {
    uint64_t hash = 14695981039346656037ull;
    for (unsigned char letter : words) hash = (hash ^ letter) * 1099511628211ull;
    char digits[17];
    snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
    return digits;
}

std::string own_folder() {
    Dl_info info;
    dladdr(reinterpret_cast<void*>(&own_folder), &info);
    const std::string path = info.dli_fname;
    return path.substr(0, path.rfind('/'));
}

Options read(int count, const char* const* given) {
    Options options;
    for (int i = 0; i < count; i++) {
        const std::string option = given[i], name = option.substr(0, option.find('=') + 1);
        const std::string value = option.substr(name.size());
        options.all += option + "\n";
        if (name == "--gpu-architecture=") options.architecture = value;
        if (name == "--include-path=") options.folders.push_back(value);
    }
    return options;
}

std::vector<int> known_architectures() {
    const Version own = own_version();
    if (own.major >= 13) return {75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121};
    std::vector<int> known = {50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87};
    if (own.major == 12 || own.minor >= 8) known.insert(known.end(), {89, 90});
    if (own.major == 12 && own.minor >= 8) known.insert(known.end(), {100, 101, 120});
    if (own.major == 12 && own.minor >= 9) known.insert(known.end(), {103, 121});
    return known;
}

bool knows(const std::string& architecture) {
    const std::string known = "sm_";
    for (int number : known_architectures())
        if (architecture == known + std::to_string(number) || architecture == known + std::to_string(number) + "a") return true;
    return false;
}

// The first header that is in none of the folders. That of tensor cores needs one more, from another package.
std::string missing_header(const std::string& source, const std::vector<std::string>& folders) {
    static const std::regex include("#include <([^>]*)>");
    for (std::sregex_iterator at(source.begin(), source.end(), include), end; at != end; ++at) {
        std::vector<std::string> needed = {(*at)[1]};
        if (needed[0] == "mma.h") needed.push_back("crt/mma.h");
        for (const std::string& header : needed) {
            bool found = false;
            for (const std::string& folder : folders) found |= exists(folder + "/" + header);
            if (!found) return header;
        }
    }
    return "";
}

void dump(const Program& program, const Options& options) {
    const std::string folder = text("EMULATED_DUMP", "");
    if (folder.empty()) return;
    const std::string path = folder + "/" + key_of(program.source + options.all);
    std::ofstream(path + ".cu") << program.source;
    std::ofstream(path + ".options") << options.all;
}

// The path of the compiled kernel; empty when it does not compile, which the program's log then says.
std::string compiled(Program& program) {
    const std::string folder = text("EMULATED_KERNELS", (own_folder() + "/kernels").c_str());
    const std::string object = folder + "/" + key_of(EMULATOR_VERSION + program.source) + ".so";
    if (exists(object)) return object;
    const std::string code = translated(program.source);
    if (code.empty()) {
        program.log = "error: the emulated NVRTC finds no kernel\n";
        return "";
    }
    mkdir(folder.c_str(), 0777);
    // Others may compile the same: a whole file takes its name at the end.
    const std::string fresh = object + "." + std::to_string(getpid());
    std::ofstream(fresh + ".cpp") << code;
    const std::string command = std::string("g++ " KERNEL_FLAGS " -include ") + own_folder() + "/device_code.h -shared -o " + fresh +
                                " " + fresh + ".cpp 2> " + fresh + ".log";
    if (system(command.c_str()) != 0 || rename(fresh.c_str(), object.c_str()) != 0) {
        program.log = written(fresh + ".log");
        fprintf(stderr, "emulated NVRTC: %s.cpp does not compile\n%.3000s\n", fresh.c_str(), program.log.c_str());
        return "";
    }
    for (const char* ending : {".cpp", ".log"}) unlink((fresh + ending).c_str());
    return object;
}

Result compile(Program& program, const Options& options) {
    dump(program, options);
    if (!knows(options.architecture)) {
        program.log = "nvrtc: error: invalid value for --gpu-architecture (-arch)\n";
        return INVALID_OPTION;
    }
    const std::string header = missing_header(program.source, options.folders);
    if (!header.empty()) {
        program.log = "default_program(1): catastrophic error: could not open source file \"" + header + "\"\n";
        return COMPILATION;
    }
    for (const std::string& words : list("EMULATED_COMPILE_FAILS", ""))
        if (program.source.find(words) != std::string::npos) {
            program.log = "default_program(1): error: this kernel is not to compile\n";
            return COMPILATION;
        }
    std::string object = "none";
    if (program.source.find(text("EMULATED_COMPILE_ONLY", "")) != std::string::npos) object = compiled(program);
    if (object.empty()) return COMPILATION;
    program.ptx = "emulated version=" + std::to_string(newest_ptx(own_version())) + " target=" + options.architecture +
                  " object=" + object;
    return SUCCESS;
}

}  // namespace

API int nvrtcVersion(int* major, int* minor) {
    *major = own_version().major;
    *minor = own_version().minor;
    return SUCCESS;
}
API int nvrtcGetNumSupportedArchs(int* count) {
    *count = static_cast<int>(known_architectures().size());
    return SUCCESS;
}
API int nvrtcGetSupportedArchs(int* known) {
    for (int number : known_architectures()) *known++ = number;
    return SUCCESS;
}
API int nvrtcCreateProgram(Program** program, const char* source, const char*, int, const char* const*, const char* const*) {
    *program = new Program{source, "", ""};
    return SUCCESS;
}
API int nvrtcDestroyProgram(Program** program) {
    delete *program;
    *program = nullptr;
    return SUCCESS;
}
API int nvrtcCompileProgram(Program* program, int count, const char* const* options) {
    return compile(*program, read(count, options));
}
API int nvrtcGetProgramLogSize(Program* program, size_t* bytes) {
    *bytes = program->log.size() + 1;
    return SUCCESS;
}
API int nvrtcGetProgramLog(Program* program, char* log) {
    strcpy(log, program->log.c_str());
    return SUCCESS;
}
API int nvrtcGetPTXSize(Program* program, size_t* bytes) {
    *bytes = program->ptx.size() + 1;
    return SUCCESS;
}
API int nvrtcGetPTX(Program* program, char* ptx) {
    strcpy(ptx, program->ptx.c_str());
    return SUCCESS;
}
API const char* nvrtcGetErrorString(int error) {
    if (error == INVALID_OPTION) return "NVRTC_ERROR_INVALID_OPTION";
    return error == COMPILATION ? "NVRTC_ERROR_COMPILATION" : "NVRTC_ERROR";
}
