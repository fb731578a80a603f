// Runs the blocks of a launch one after the other. Where threads of a kernel wait for each other, each is a fiber with a stack of
// its own, and a block's fibers take turns; where they do not, they are calls in a row.
#include "execute.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <vector>

namespace {

const size_t STACK_BYTES = 256 << 10;

enum class State { ready, waits_for_block, waits_for_warp, ended };

struct Fiber {
    Thread thread;
    State state;
    void* stack_pointer;
    uint64_t mailbox[MAILBOX_WORDS];
};

// Keeps the registers that calls preserve on the stack of whoever runs, and goes on with another stack.
extern "C" void emulated_switch(void** from, void* to);
asm(R"(
.text
.globl emulated_switch
.hidden emulated_switch
emulated_switch:
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
const size_t KEPT_REGISTERS = 6;

class Runner {
public:
    void run(const Launch& launch);
    static void begin_fiber();
    static void wait(Thread* thread, State state);
    static Fiber& fiber_of(Thread* thread, unsigned number) { return static_cast<Runner*>(thread->runner)->fibers[number]; }

private:
    Thread blank_thread(Index3 block);
    void run_in_a_row(Index3 block);
    void run_fibers(Index3 block);
    void prepare_fibers(Index3 block);
    bool run_ready_fibers();
    bool all_ended() const;
    bool release_whole_warps();
    bool release_whole_block();
    bool release_parts_of_warps();
    unsigned size() const { return launch.block_size.x * launch.block_size.y * launch.block_size.z; }

    Launch launch;
    std::vector<Fiber> fibers;
    Fiber* running = nullptr;
    void* own_stack_pointer = nullptr;
    char* stacks = nullptr;
    size_t stack_count = 0;
    char* shared_memory = nullptr;
};

thread_local Runner runner;

void place(Thread& thread, unsigned number) {
    const Index3 size = thread.block_size;
    thread.number = number;
    thread.index = {number % size.x, number / size.x % size.y, number / (size.x * size.y)};
}

Thread Runner::blank_thread(Index3 block) {
    Thread thread = {};
    thread.block = block;
    thread.block_size = launch.block_size;
    thread.grid_size = launch.grid_size;
    thread.shared_memory = shared_memory;
    thread.runner = this;
    thread.wait_for_block = [](Thread* thread) { wait(thread, State::waits_for_block); };
    thread.wait_for_warp = [](Thread* thread) { wait(thread, State::waits_for_warp); };
    thread.let_others_run = [](Thread* thread) { wait(thread, State::ready); };
    thread.mailbox = [](Thread* thread, unsigned number) -> uint64_t* { return fiber_of(thread, number).mailbox; };
    thread.has_ended = [](Thread* thread, unsigned number) { return fiber_of(thread, number).state == State::ended; };
    return thread;
}

void Runner::run(const Launch& launched) {
    launch = launched;
    const size_t alignment = 1024, rounded = (launch.shared_bytes / alignment + 1) * alignment;
    shared_memory = static_cast<char*>(aligned_alloc(alignment, rounded));
    const Index3 grid = launch.grid_size;
    for (unsigned z = 0; z < grid.z; z++)
        for (unsigned y = 0; y < grid.y; y++)
            for (unsigned x = 0; x < grid.x; x++) {
                // Not a number wherever it is read before it is written.
                memset(shared_memory, 0xff, rounded);
                launch.threads_wait ? run_fibers({x, y, z}) : run_in_a_row({x, y, z});
            }
    free(shared_memory);
}

void Runner::run_in_a_row(Index3 block) {
    Thread thread = blank_thread(block);
    for (unsigned number = 0; number < size(); number++) {
        place(thread, number);
        launch.kernel(&thread, launch.arguments);
    }
}

void Runner::run_fibers(Index3 block) {
    prepare_fibers(block);
    while (!all_ended()) {
        // A fiber that lets others run stays ready, so that others are released whether or not any ran.
        const bool any = run_ready_fibers();
        if (release_whole_warps() || release_whole_block() || any || release_parts_of_warps()) continue;
        fprintf(stderr, "emulated CUDA: the threads of a block wait for each other for ever\n");
        abort();
    }
}

void Runner::prepare_fibers(Index3 block) {
    if (stack_count < size()) {
        if (stacks) munmap(stacks, stack_count * STACK_BYTES);
        stack_count = size();
        const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
        stacks = static_cast<char*>(mmap(nullptr, stack_count * STACK_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0));
    }
    fibers.resize(size());
    for (unsigned number = 0; number < size(); number++) {
        Fiber& fiber = fibers[number];
        fiber.thread = blank_thread(block);
        place(fiber.thread, number);
        fiber.state = State::ready;
        // The first switch to the fiber "returns" to its beginning, with a stack aligned as after a call.
        auto* top = reinterpret_cast<uint64_t*>(stacks + (number + 1) * STACK_BYTES) - 1;
        *--top = reinterpret_cast<uint64_t>(&Runner::begin_fiber);
        top -= KEPT_REGISTERS;
        memset(top, 0, KEPT_REGISTERS * sizeof *top);
        fiber.stack_pointer = top;
    }
}

void Runner::begin_fiber() {
    Runner& own = runner;
    own.launch.kernel(&own.running->thread, own.launch.arguments);
    own.running->state = State::ended;
    void* unused;
    emulated_switch(&unused, own.own_stack_pointer);
    abort();
}

void Runner::wait(Thread* thread, State state) {
    Fiber& fiber = fiber_of(thread, thread->number);
    fiber.state = state;
    emulated_switch(&fiber.stack_pointer, static_cast<Runner*>(thread->runner)->own_stack_pointer);
}

// Whether there was any.
bool Runner::run_ready_fibers() {
    bool any = false;
    for (Fiber& fiber : fibers) {
        if (fiber.state != State::ready) continue;
        any = true;
        running = &fiber;
        emulated_switch(&own_stack_pointer, fiber.stack_pointer);
    }
    return any;
}

bool Runner::all_ended() const {
    for (const Fiber& fiber : fibers)
        if (fiber.state != State::ended) return false;
    return true;
}

// A warp goes on when all of its threads that have not ended wait for it.
bool Runner::release_whole_warps() {
    bool any = false;
    for (size_t first = 0; first < fibers.size(); first += WARP) {
        const size_t end = first + WARP < fibers.size() ? first + WARP : fibers.size();
        unsigned waiting = 0, elsewhere = 0;
        for (size_t i = first; i < end; i++) {
            waiting += fibers[i].state == State::waits_for_warp;
            elsewhere += fibers[i].state == State::ready || fibers[i].state == State::waits_for_block;
        }
        if (!waiting || elsewhere) continue;
        for (size_t i = first; i < end; i++)
            if (fibers[i].state == State::waits_for_warp) fibers[i].state = State::ready;
        any = true;
    }
    return any;
}

bool Runner::release_whole_block() {
    for (const Fiber& fiber : fibers)
        if (fiber.state == State::ready || fiber.state == State::waits_for_warp) return false;
    for (Fiber& fiber : fibers)
        if (fiber.state == State::waits_for_block) fiber.state = State::ready;
    return true;
}

// Threads of a warp may have taken different ways: those that are at an operation of the warp go on without the others.
bool Runner::release_parts_of_warps() {
    bool any = false;
    for (Fiber& fiber : fibers) {
        if (fiber.state != State::waits_for_warp) continue;
        fiber.state = State::ready;
        any = true;
    }
    return any;
}

}  // namespace

void execute(const Launch& launch) {
    runner.run(launch);
}
