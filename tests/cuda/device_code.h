// CUDA C++ for the processor: what the kernels that CubeCL writes use of it. `emu` is the Thread that translated kernels have.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>

#include "kernel_interface.h"

typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned long ulong;
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__ __restrict
#define __grid_constant__
#define __align__(n) alignas(n)
#define __launch_bounds__(...)
#define __shared__
#define threadIdx (emu->index)
#define blockIdx (emu->block)
#define blockDim (emu->block_size)
#define gridDim (emu->grid_size)
#define warpSize 32

struct int2 { int x, y; };
struct int3 { int x, y, z; };
struct int4 { int x, y, z, w; };
struct uint2 { unsigned x, y; };
struct uint3 { unsigned x, y, z; };
struct uint4 { unsigned x, y, z, w; };
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
static inline uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }

// ---- Waiting, and exchanges within a warp ----

#define __syncthreads() emu->wait_for_block(emu)
#define __syncwarp(...) emu->wait_for_warp(emu)
#define __threadfence() __sync_synchronize()
#define __threadfence_block()

// Everyone writes to its mailbox, waits, and reads those of others. The next exchange uses the other half, so that nobody
// overwrites what is still to be read.
struct Exchange {
    Thread* self;
    unsigned half;

    template<class T> Exchange(Thread* self, const T& mine) : self(self), half(self->exchanges++ % 2 * (MAILBOX_WORDS / 2)) {
        static_assert(sizeof mine <= MAILBOX_WORDS / 2 * sizeof(uint64_t), "a mailbox holds it");
        std::memcpy(self->mailbox(self, self->number) + half, &mine, sizeof mine);
        self->wait_for_warp(self);
    }

    unsigned of_lane(unsigned lane) const { return self->number / WARP * WARP + lane % WARP; }

    bool is_there(unsigned lane) const {
        const Index3 size = self->block_size;
        return of_lane(lane) < size.x * size.y * size.z && !self->has_ended(self, of_lane(lane));
    }

    template<class T> T read(unsigned lane) const {
        T value;
        std::memcpy(&value, self->mailbox(self, of_lane(lane)) + half, sizeof value);
        return value;
    }
};

static inline unsigned lane_of(const Thread* thread) { return thread->number % WARP; }

template<class T> static inline T shuffled(Thread* emu, T value, unsigned lane) {
    const Exchange exchange(emu, value);
    return exchange.is_there(lane) ? exchange.read<T>(lane) : value;
}
template<class T> static inline T shuffled_down(Thread* emu, T value, unsigned offset) {
    return shuffled(emu, value, lane_of(emu) + offset < WARP ? lane_of(emu) + offset : lane_of(emu));
}
template<class T> static inline T shuffled_up(Thread* emu, T value, unsigned offset) {
    return shuffled(emu, value, lane_of(emu) >= offset ? lane_of(emu) - offset : lane_of(emu));
}
static inline unsigned ballot(Thread* emu, bool vote) {
    const Exchange exchange(emu, vote);
    unsigned votes = 0;
    for (unsigned lane = 0; lane < WARP; lane++)
        if (exchange.is_there(lane) && exchange.read<bool>(lane)) votes |= 1u << lane;
    return votes;
}
#define __shfl_sync(mask, value, lane) shuffled(emu, value, (unsigned)(lane))
#define __shfl_xor_sync(mask, value, bits) shuffled(emu, value, lane_of(emu) ^ (unsigned)(bits))
#define __shfl_up_sync(mask, value, offset) shuffled_up(emu, value, (unsigned)(offset))
#define __shfl_down_sync(mask, value, offset) shuffled_down(emu, value, (unsigned)(offset))
#define __ballot_sync(mask, vote) ballot(emu, (vote) != 0)
#define __any_sync(mask, vote) (ballot(emu, (vote) != 0) != 0)
#define __all_sync(mask, vote) (ballot(emu, (vote) == 0) == 0)
#define __activemask() 0xffffffffu

// ---- Numbers ----

static inline int __ffs(int v) { return __builtin_ffs(v); }
static inline int __clz(int v) { return v ? __builtin_clz(v) : 32; }
static inline int __clzll(long long v) { return v ? __builtin_clzll(v) : 64; }
static inline int __popc(unsigned v) { return __builtin_popcount(v); }
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)(((uint64_t)a * b) >> 32); }
static inline int __mulhi(int a, int b) { return (int)(((int64_t)a * b) >> 32); }
static inline uint64_t __umul64hi(uint64_t a, uint64_t b) { return (uint64_t)(((unsigned __int128)a * b) >> 64); }
static inline float __fdividef(float a, float b) { return a / b; }
static inline float __fsqrt_rn(float a) { return sqrtf(a); }
static inline float __frsqrt_rn(float a) { return 1.0f / sqrtf(a); }
static inline float __frcp_rn(float a) { return 1.0f / a; }
static inline float __saturatef(float a) { return a < 0 ? 0 : a > 1 ? 1 : a; }
static inline float rsqrt(float a) { return 1.0f / sqrtf(a); }
#define __powf powf
#define __expf expf
#define __logf logf
#define __sinf sinf
#define __cosf cosf
#define __tanhf tanhf
using std::abs, std::isnan, std::isinf, std::sqrt, std::exp, std::log, std::pow, std::floor, std::ceil, std::trunc, std::rint;
using std::fmod, std::erf, std::tanh, std::sin, std::cos, std::fma;

// CUDA's overloads of min and max mix types of integers, and take the number where the other is none.
static inline float max(float a, float b) { return fmaxf(a, b); }
static inline float min(float a, float b) { return fminf(a, b); }
static inline double max(double a, double b) { return fmax(a, b); }
static inline double min(double a, double b) { return fmin(a, b); }
template<class A, class B> using CommonInteger =
    std::enable_if_t<std::is_integral_v<A> && std::is_integral_v<B>, std::common_type_t<A, B>>;
template<class A, class B> static inline CommonInteger<A, B> max(A a, B b) {
    return std::max<CommonInteger<A, B>>(a, b);
}
template<class A, class B> static inline CommonInteger<A, B> min(A a, B b) {
    return std::min<CommonInteger<A, B>>(a, b);
}

template<class T, class V> static inline T atomicAdd(T* place, V value) {
    // Threads take turns on one processor thread.
    const T before = *place;
    *place = before + (T)value;
    return before;
}

// ---- Tensor cores ----

template<class To, class From> static inline To same_bits(From from) {
    static_assert(sizeof(To) == sizeof(From), "");
    To to;
    std::memcpy(&to, &from, sizeof to);
    return to;
}
// Tensor cores do not look at the lowest 13 bits.
static inline float tf32(float v) { return same_bits<float>(same_bits<uint32_t>(v) & 0xffffe000u); }

namespace nvcuda { namespace wmma {
struct matrix_a;
struct matrix_b;
struct accumulator;
struct row_major;
struct col_major;
namespace precision { struct tf32; }
enum layout_t { mem_row_major, mem_col_major };

// The whole matrix, in a warp's first thread.
template<class Use, int M, int N, int K, class T, class Layout = void> struct fragment {
    static constexpr int rows = std::is_same_v<Use, matrix_b> ? K : M;
    static constexpr int columns = std::is_same_v<Use, matrix_a> ? K : N;
    static constexpr layout_t layout = std::is_same_v<Layout, col_major> ? mem_col_major : mem_row_major;
    static constexpr int num_elements = rows * columns;
    float x[rows * columns];
};

// Rounds to nearest, as cvt.rna does.
static inline float __float_to_tf32(float v) {
    const uint32_t bits = same_bits<uint32_t>(v);
    const bool is_finite = (bits & 0x7f800000u) != 0x7f800000u;
    return is_finite ? same_bits<float>((bits + 0x1000u) & 0xffffe000u) : v;
}

template<class F> static inline void emulated_fill(Thread* emu, F& f, float value) {
    if (lane_of(emu) == 0) std::fill(f.x, f.x + F::num_elements, value);
}

static inline size_t place_in(layout_t layout, unsigned stride, int row, int column) {
    return layout == mem_row_major ? (size_t)row * stride + column : (size_t)column * stride + row;
}

template<class F>
static inline void emulated_load(Thread* emu, F& f, const float* from, unsigned stride, layout_t layout = F::layout) {
    emu->wait_for_warp(emu);
    if (lane_of(emu) == 0)
        for (int i = 0; i < F::num_elements; i++) f.x[i] = from[place_in(layout, stride, i / F::columns, i % F::columns)];
    emu->wait_for_warp(emu);
}

template<class F> static inline void emulated_store(Thread* emu, float* to, const F& f, unsigned stride, layout_t layout) {
    emu->wait_for_warp(emu);
    if (lane_of(emu) == 0)
        for (int i = 0; i < F::num_elements; i++) to[place_in(layout, stride, i / F::columns, i % F::columns)] = f.x[i];
    emu->wait_for_warp(emu);
}

template<class D, class A, class B, class C>
static inline void emulated_mma(Thread* emu, D& d, const A& a, const B& b, const C& c) {
    if (lane_of(emu) != 0) return;
    for (int i = 0; i < D::rows; i++) {
        float row[D::columns];
        for (int j = 0; j < D::columns; j++) row[j] = c.x[i * D::columns + j];
        for (int k = 0; k < A::columns; k++) {
            const float factor = ::tf32(a.x[i * A::columns + k]);
            for (int j = 0; j < D::columns; j++) row[j] += factor * ::tf32(b.x[k * D::columns + j]);
        }
        for (int j = 0; j < D::columns; j++) d.x[i * D::columns + j] = row[j];
    }
}
} }
#define fill_fragment(...) emulated_fill(emu, __VA_ARGS__)
#define load_matrix_sync(...) emulated_load(emu, __VA_ARGS__)
#define store_matrix_sync(...) emulated_store(emu, __VA_ARGS__)
#define mma_sync(...) emulated_mma(emu, __VA_ARGS__)

// mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32, by the layout of the PTX manual: this lane has rows `lane / 4` and 8 more,
// and columns `lane % 4 * 2` and 1 more.
static inline void emulated_m16n8k8(Thread* emu, uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t b0, uint32_t b1,
                                    float c0, float c1, float c2, float c3, float& d0, float& d1, float& d2, float& d3) {
    struct Registers { uint32_t a[4], b[2]; };
    const Exchange exchange(emu, Registers{{a0, a1, a2, a3}, {b0, b1}});
    const unsigned row = lane_of(emu) / 4, column = lane_of(emu) % 4 * 2;
    auto a = [&](unsigned of_row, unsigned k, unsigned lower) {
        return tf32(same_bits<float>(exchange.read<Registers>(of_row * 4 + k % 4).a[k / 4 * 2 + lower]));
    };
    auto b = [&](unsigned of_column, unsigned k) {
        return tf32(same_bits<float>(exchange.read<Registers>(of_column * 4 + k % 4).b[k / 4]));
    };
    float d[4] = {c0, c1, c2, c3};
    for (unsigned k = 0; k < 8; k++) {
        d[0] += a(row, k, 0) * b(column, k);
        d[1] += a(row, k, 0) * b(column + 1, k);
        d[2] += a(row, k, 1) * b(column, k);
        d[3] += a(row, k, 1) * b(column + 1, k);
    }
    d0 = d[0], d1 = d[1], d2 = d[2], d3 = d[3];
}
#define __mma_m16n8k8_float_float_float(...) emulated_m16n8k8(emu, __VA_ARGS__)

// ---- Asynchronous copies, done at once, and the barriers that wait for them ----

template<size_t N> static inline void __cp_async_shared_global(const void* from, void* to, int bytes) {
    if (bytes > 0) std::memcpy(to, from, bytes);
    std::memset((char*)to + bytes, 0, N - bytes);
}
template<size_t N> static inline void __cp_async_shared_global(const void* from, void* to) { std::memcpy(to, from, N); }
#define __cp_async_arrive(barrier)

namespace cuda {
enum thread_scope { thread_scope_block, thread_scope_thread };
template<thread_scope S> struct barrier {
    using arrival_token = uint32_t;
    uint16_t expected, left;
    uint32_t phase;
};
namespace device {}
}
using BlockBarrier = cuda::barrier<cuda::thread_scope_block>;

static inline void init(BlockBarrier* barrier, unsigned expected) {
    barrier->expected = barrier->left = (uint16_t)expected;
    barrier->phase = 0;
}
static inline uint32_t emulated_arrive(BlockBarrier& barrier) {
    const uint32_t phase = barrier.phase;
    if (--barrier.left == 0) {
        barrier.left = barrier.expected;
        barrier.phase++;
    }
    return phase;
}
static inline void emulated_wait(Thread* emu, BlockBarrier& barrier, uint32_t phase) {
    while (barrier.phase == phase) emu->let_others_run(emu);
}
static inline void emulated_wait_parity(Thread* emu, BlockBarrier& barrier, unsigned parity) {
    while (barrier.phase % 2 == parity % 2) emu->let_others_run(emu);
}
namespace cooperative_groups {
struct thread_block {};
static inline thread_block this_thread_block() { return {}; }
}

// ---- Calling a kernel whose arguments lie behind an array of pointers ----

#define ALWAYS_INLINE static inline __attribute__((always_inline))
template<class... A, size_t... I>
ALWAYS_INLINE void call_with(Thread* emu, void** arguments, void (*kernel)(Thread*, A...), std::index_sequence<I...>) {
    kernel(emu, *(std::remove_const_t<A>*)arguments[I]...);
}
template<class... A> ALWAYS_INLINE void call(Thread* emu, void** arguments, void (*kernel)(Thread*, A...)) {
    call_with(emu, arguments, kernel, std::make_index_sequence<sizeof...(A)>());
}
#define EXPORTED extern "C" __attribute__((visibility("default")))
