// The variables EMULATED_*, which say what is emulated. README.md lists them.
#pragma once
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

static inline std::string text(const char* name, const char* otherwise) {
    const char* value = getenv(name);
    return value && *value ? value : otherwise;
}

static inline long long number(const char* name, long long otherwise) {
    const std::string value = text(name, "");
    return value.empty() ? otherwise : atoll(value.c_str());
}

static inline std::vector<std::string> list(const char* name, const char* otherwise) {
    std::istringstream all(text(name, otherwise));
    std::vector<std::string> items;
    for (std::string item; std::getline(all, item, ',');) items.push_back(item);
    return items;
}

// A version written as "12.9".
struct Version {
    int major, minor;
};

static inline Version version(const std::string& written) {
    const size_t dot = written.find('.');
    return {atoi(written.c_str()), dot == std::string::npos ? 0 : atoi(written.c_str() + dot + 1)};
}

// The newest PTX, times ten, that a driver or NVRTC of this version of CUDA knows.
static inline int newest_ptx(Version cuda) {
    if (cuda.major < 12) return 70 + cuda.minor;
    if (cuda.major > 12) return 90 + cuda.minor;
    static const int of_cuda_12[] = {80, 81, 82, 83, 84, 85, 85, 86, 87, 88};
    return of_cuda_12[cuda.minor < 9 ? cuda.minor : 9];
}
