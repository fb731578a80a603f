#include "blocks.h"
#include <sys/mman.h>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

namespace {

const size_t STACK_BYTES = 256 << 10;
const unsigned WARP = 32;
const unsigned THREADS = 2;

enum State { READY, AT_BLOCK_BARRIER, AT_WARP_BARRIER, ENDED };

struct Fiber {
    void* stack_pointer;
    State state;
    unsigned exchange;
};

// One thread of the processor, which runs one block at a time.
struct Worker {
    Place place{};
    std::vector<Fiber> fibers;
    std::vector<std::array<uint64_t, 8>> words;
    char* stacks = nullptr;
    void* own_stack_pointer = nullptr;
    unsigned current = 0;
    Launch launch{};
    std::vector<char> shared;
};

thread_local Worker* worker;

}  // namespace

// Saves the callee's registers and stack pointer, and goes on where another stack was left.
extern "C" void switch_stack(void** save, void* load);
asm(R"(
.text
.globl switch_stack
.hidden switch_stack
switch_stack:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");

namespace {

void enter(Worker& w, unsigned thread) {
    Place& p = w.place;
    p.number = thread;
    p.thread = {thread % p.block_size.x, thread / p.block_size.x % p.block_size.y,
                thread / (p.block_size.x * p.block_size.y)};
}

void fiber_main() {
    Worker* w = worker;
    w->launch.kernel->entry(&w->place, w->launch.arguments);
    w->fibers[w->current].state = ENDED;
    void* unused;
    switch_stack(&unused, w->own_stack_pointer);
    abort();
}

void wait(Place* place, State state) {
    Worker* w = static_cast<Worker*>(place->worker);
    Fiber& fiber = w->fibers[w->current];
    fiber.state = state;
    fiber.exchange = place->exchange;
    switch_stack(&fiber.stack_pointer, w->own_stack_pointer);
}

void sync_block(Place* place) { wait(place, AT_BLOCK_BARRIER); }
void sync_warp(Place* place) { wait(place, AT_WARP_BARRIER); }
void yield(Place* place) { wait(place, READY); }
uint64_t* words(Place* place, unsigned thread) { return static_cast<Worker*>(place->worker)->words[thread].data(); }
bool ended(Place* place, unsigned thread) { return static_cast<Worker*>(place->worker)->fibers[thread].state == ENDED; }

void make_fibers(Worker& w, unsigned count) {
    if (w.fibers.size() < count) {
        if (w.stacks) munmap(w.stacks, w.fibers.size() * STACK_BYTES);
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
        w.stacks = static_cast<char*>(mmap(nullptr, count * STACK_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0));
        w.fibers.resize(count);
        w.words.resize(count);
    }
    for (unsigned i = 0; i < count; i++) {
        // The first switch pops six registers, and returns to fiber_main.
        uint64_t* top = reinterpret_cast<uint64_t*>(w.stacks + (i + 1) * STACK_BYTES) - 1;
        *--top = reinterpret_cast<uint64_t>(fiber_main);
        top -= 6;
        memset(top, 0, 6 * sizeof *top);
        w.fibers[i] = {top, READY, 0};
    }
}

unsigned count_in(const Worker& w, unsigned first, unsigned last, State state) {
    unsigned count = 0;
    for (unsigned i = first; i < last; i++) count += w.fibers[i].state == state;
    return count;
}

void release(Worker& w, unsigned first, unsigned last, State state) {
    for (unsigned i = first; i < last; i++)
        if (w.fibers[i].state == state) w.fibers[i].state = READY;
}

bool run_ready_fibers(Worker& w, unsigned count) {
    bool ran = false;
    for (unsigned i = 0; i < count; i++) {
        if (w.fibers[i].state != READY) continue;
        ran = true;
        w.current = i;
        enter(w, i);
        w.place.exchange = w.fibers[i].exchange;
        switch_stack(&w.own_stack_pointer, w.fibers[i].stack_pointer);
    }
    return ran;
}

// Warps of which all living threads wait for each other go on.
bool release_warps(Worker& w, unsigned count) {
    bool released = false;
    for (unsigned first = 0; first < count; first += WARP) {
        unsigned last = first + WARP < count ? first + WARP : count;
        unsigned waiting = count_in(w, first, last, AT_WARP_BARRIER);
        if (waiting && waiting + count_in(w, first, last, ENDED) == last - first) {
            release(w, first, last, AT_WARP_BARRIER);
            released = true;
        }
    }
    return released;
}

void run_fibers(Worker& w, unsigned count) {
    make_fibers(w, count);
    for (;;) {
        bool ran = run_ready_fibers(w, count);
        unsigned living = count - count_in(w, 0, count, ENDED);
        if (!living) return;
        if (release_warps(w, count)) continue;
        if (count_in(w, 0, count, AT_BLOCK_BARRIER) == living) {
            release(w, 0, count, AT_BLOCK_BARRIER);
        } else if (!ran) {
            // The threads of a warp have taken different ways: those at the warp's barrier go on without the others.
            if (!count_in(w, 0, count, AT_WARP_BARRIER)) {
                fprintf(stderr, "emulated CUDA: threads of %s wait for each other\n", w.launch.kernel->name.c_str());
                abort();
            }
            release(w, 0, count, AT_WARP_BARRIER);
        }
    }
}

void run_block(Worker& w) {
    const Extent& size = w.launch.block;
    unsigned count = size.x * size.y * size.z;
    if (w.launch.kernel->waits) return run_fibers(w, count);
    for (unsigned i = 0; i < count; i++) {
        enter(w, i);
        w.launch.kernel->entry(&w.place, w.launch.arguments);
    }
}

// Threads that wait for launches and share their blocks.
class Pool {
  public:
    Pool() {
        for (unsigned i = 0; i < THREADS; i++) std::thread([this] { work(); }).detach();
    }

    void run(const Launch& next) {
        std::unique_lock<std::mutex> lock(mutex);
        launch = next;
        next_block = 0;
        busy = THREADS;
        round++;
        start.notify_all();
        end.wait(lock, [this] { return busy == 0; });
    }

  private:
    std::mutex mutex;
    std::condition_variable start, end;
    Launch launch{};
    std::atomic<uint64_t> next_block{0};
    unsigned busy = 0;
    uint64_t round = 0;

    void work() {
        Worker* w = worker = new Worker();
        for (uint64_t seen = 0;;) {
            {
                std::unique_lock<std::mutex> lock(mutex);
                start.wait(lock, [&] { return round != seen; });
                seen = round;
                w->launch = launch;
            }
            run_blocks(*w);
            std::lock_guard<std::mutex> lock(mutex);
            if (--busy == 0) end.notify_one();
        }
    }

    void run_blocks(Worker& w) {
        const Extent grid = w.launch.grid;
        w.shared.resize(w.launch.shared_bytes + 1024);
        Place& p = w.place;
        p.block_size = w.launch.block;
        p.grid_size = grid;
        p.worker = &w;
        p.sync_block = sync_block;
        p.sync_warp = sync_warp;
        p.yield = yield;
        p.words = words;
        p.ended = ended;
        // Tensor cores want addresses that are whole multiples of a kibibyte.
        p.shared = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(w.shared.data()) + 1023) / 1024 * 1024);
        uint64_t total = uint64_t(grid.x) * grid.y * grid.z;
        for (uint64_t block; (block = next_block.fetch_add(1)) < total;) {
            p.block = {unsigned(block % grid.x), unsigned(block / grid.x % grid.y),
                       unsigned(block / (uint64_t(grid.x) * grid.y))};
            // What nobody has written is not a number.
            memset(p.shared, 0xff, w.launch.shared_bytes);
            run_block(w);
        }
    }
};

}  // namespace

void run(const Launch& launch) {
    static Pool* pool = new Pool();
    static std::mutex one_at_a_time;
    std::lock_guard<std::mutex> lock(one_at_a_time);
    pool->run(launch);
}
