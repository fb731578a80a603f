// The environment variables of README.md.
#pragma once
#include <cstdlib>
#include <string>

inline std::string variable(const char* name, const char* otherwise) {
    const char* value = getenv(name);
    return value && *value ? value : otherwise;
}
