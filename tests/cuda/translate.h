// Makes C++ for the processor of CUDA C++ as CubeCL writes it.
#pragma once
#include <string>

// The kernel of `source` with its exports (kernel_interface.h), to be compiled after device_code.h; empty when there is none.
std::string translated(const std::string& source);
