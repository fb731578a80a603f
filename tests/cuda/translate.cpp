#include "translate.h"

#include <regex>

#include "kernel_interface.h"

namespace {

bool holds(const std::string& source, const char* words) {
    return source.find(words) != std::string::npos;
}

std::string replaced(const std::string& source, const char* pattern, const char* by) {
    return std::regex_replace(source, std::regex(pattern), by);
}

// Gives the kernel its Thread as the first argument; gives back the kernel's name, which is empty when there is no kernel.
std::string with_thread(std::string& source) {
    static const std::regex signature("extern\\s+\"C\"\\s+__global__\\s+void\\s*(?:__launch_bounds__\\s*\\([^)]*\\))?"
                                      "\\s*(?:__cluster_dims__\\s*\\([^)]*\\))?\\s*(\\w+)\\s*\\(\\s*");
    std::smatch match;
    if (!std::regex_search(source, match, signature)) return "";
    const std::string name = match[1], before = match.prefix(), after = match.suffix();
    source = before + "ALWAYS_INLINE void " + name + "(Thread* const emu" + (after[0] == ')' ? "" : ", ") + after;
    return name;
}

// Inline PTX has its counterparts in device_code.h.
std::string without_ptx(std::string source) {
    const char* matrix_product =
        "inline __device__ void\\s*__mma_m16n8k8_float_float_float\\([^)]*\\) \\{[^}]*?asm volatile[\\s\\S]*?\\);\\s*\\}";
    source = replaced(source, matrix_product, "");
    const std::string begin = "// Wrapper for https://docs.nvidia.com/cuda/parallel-thread-execution/#parallel-synchronization";
    const std::string end = "\"n\"(16) : \"memory\");\n}";
    const size_t from = source.find(begin), to = source.rfind(end);
    if (from != std::string::npos && to != std::string::npos) source.erase(from, to + end.size() - from);
    return source;
}

std::string with_barriers(std::string source) {
    source = replaced(source, "(\\w+)\\.arrive_and_wait\\(\\);", "emulated_wait(emu, $1, emulated_arrive($1));");
    source = replaced(source, "(\\w+)\\.wait\\(std::move\\((\\w+)\\)\\);", "emulated_wait(emu, $1, $2);");
    source = replaced(source, "(\\w+)\\.wait_parity\\(([^;]*)\\);", "emulated_wait_parity(emu, $1, $2);");
    return replaced(source, "(\\w+)\\.arrive\\(\\);", "emulated_arrive($1);");
}

// CubeCL's mma kernels hand tiles from lane to lane through shared memory without __syncwarp: that rests on warps in lockstep.
std::string with_warps_in_lockstep(const std::string& source) {
    return replaced(source, "(const float(_\\d+)? l_\\d+ = (shared_memory|_tmp)_\\d+\\[[^\\]]*\\];)",
                    "__syncwarp(); $1 __syncwarp();");
}

std::string tags(const std::string& source) {
    const char* copies = holds(source, "tensor_map_") ? "[tma]" : holds(source, "__cp_async_shared_global") ? "[async]" : "[sync]";
    return std::string(holds(source, "__mma_m16") ? "[mma]" : "") + (holds(source, "nvcuda::wmma::mma_sync") ? "[wmma]" : "") + copies;
}

std::string exports(const std::string& name, const std::string& source, bool waits) {
    return "\nEXPORTED void " NAME_OF(KERNEL_ENTRY) "(Thread* thread, void** arguments) { call(thread, arguments, " + name + "); }\n"
        "EXPORTED const int " NAME_OF(KERNEL_WAITS) " = " + std::to_string(waits) + ";\n"
        "EXPORTED const char " NAME_OF(KERNEL_TAGS) "[] = \"" + tags(source) + "\";\n";
}

}  // namespace

std::string translated(const std::string& source) {
    std::string code = source;
    const std::string name = with_thread(code);
    if (name.empty()) return "";
    code = replaced(code, "#include <[^>]*>\n", "");
    code = replaced(code, "extern __shared__ __align__\\(\\d+\\) uint8 dynamic_shared_mem\\[\\];",
                    "uint8* const dynamic_shared_mem = (uint8*)emu->shared_memory;");
    code = with_barriers(without_ptx(code));
    if (holds(source, "__mma_m16n8k8_float")) code = with_warps_in_lockstep(code);
    const bool waits = std::regex_search(code, std::regex("__sync|_sync\\(|__activemask|\\bmma|wmma|ldmatrix|barrier"));
    return code + exports(name, source, waits);
}
