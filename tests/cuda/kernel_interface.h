// What the emulated driver and a kernel that was compiled for the processor know of each other.
#pragma once
#include <cstddef>
#include <cstdint>

struct Index3 {
    unsigned x, y, z;
};

constexpr unsigned WARP = 32;

// Words through which a thread hands values to its warp: half of them for even exchanges, half for odd ones.
constexpr unsigned MAILBOX_WORDS = 8;

// A thread of a kernel: where it is, and what it asks of whoever runs it. A translated kernel takes it as its first argument.
struct Thread {
    Index3 index, block, block_size, grid_size;
    unsigned number;     // its index in the block as one number
    unsigned exchanges;  // in which it took part
    char* shared_memory;
    void* runner;
    void (*wait_for_block)(Thread*);
    void (*wait_for_warp)(Thread*);
    void (*let_others_run)(Thread*);
    uint64_t* (*mailbox)(Thread*, unsigned number);
    bool (*has_ended)(Thread*, unsigned number);
};

// Runs one thread; the kernel's arguments lie behind an array of pointers, as for cuLaunchKernel.
typedef void (*KernelEntry)(Thread*, void** arguments);

// Names that a compiled kernel exports.
#define KERNEL_ENTRY emulated_entry  // a KernelEntry
#define KERNEL_WAITS emulated_waits  // int: whether its threads wait for each other
#define KERNEL_TAGS emulated_tags    // char[]: what it computes with
#define NAME_OF(symbol) NAME_OF_EXPANDED(symbol)
#define NAME_OF_EXPANDED(symbol) #symbol
