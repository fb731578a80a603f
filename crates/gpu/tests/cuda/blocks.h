// Runs the blocks of a kernel on the processor. Where threads wait for each other they are fibers, else calls in a row.
#pragma once
#include <cstddef>
#include <string>
#include "kernel.h"

struct Kernel {
    std::string name;
    Entry entry = nullptr;
    bool waits = false;
    bool refused = false;
};

struct Launch {
    const Kernel* kernel;
    void** arguments;
    Extent grid, block;
    size_t shared_bytes;
};

// Runs all blocks, on two threads, and waits for them.
void run(const Launch& launch);
