// What a kernel that was compiled for the processor knows of where it runs.
#pragma once
#include <cstddef>
#include <cstdint>

struct Extent {
    unsigned x, y, z;
};

// One thread of a block. The driver fills it in; device_code.h reads it.
struct Place {
    Extent thread, block, block_size, grid_size;
    // The thread's number within its block.
    unsigned number;
    // Counts the exchanges between the threads of a warp: even and odd ones use different words.
    unsigned exchange;
    char* shared;
    void* worker;
    void (*sync_block)(Place*);
    void (*yield)(Place*);
    void (*sync_warp)(Place*);
    // Eight words of each thread: four for even exchanges and four for odd ones.
    uint64_t* (*words)(Place*, unsigned thread);
    bool (*ended)(Place*, unsigned thread);
};

typedef void (*Entry)(Place*, void** arguments);
