// Runs kernels that were compiled for the processor.
#pragma once
#include "kernel_interface.h"

struct Launch {
    KernelEntry kernel;
    bool threads_wait;
    Index3 grid_size, block_size;
    size_t shared_bytes;
    void** arguments;
};

void execute(const Launch& launch);
