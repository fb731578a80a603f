// CUDA C++ for one processor thread: what CubeCL's kernels use of it.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>
#include "kernel.h"
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
#define threadIdx (place->thread)
#define blockIdx (place->block)
#define blockDim (place->block_size)
#define gridDim (place->grid_size)
#define warpSize 32
struct uint3 {
    unsigned x, y, z;
};
static inline uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }
#define __syncthreads() place->sync_block(place)
#define __syncwarp(...) place->sync_warp(place)
#define __threadfence() __sync_synchronize()
#define __threadfence_block()
template <class T>
static inline T emulated_exchange(Place* c, T v, unsigned lane) {
    static_assert(sizeof(T) <= 8, "");
    unsigned self = c->number, other = (self & ~31u) + (lane & 31u), ph = (c->exchange & 1) * 4,
             n = c->block_size.x * c->block_size.y * c->block_size.z;
    std::memcpy(c->words(c, self) + ph, &v, sizeof v);
    c->exchange ^= 1;
    c->sync_warp(c);
    T r = v;
    if (other < n && !c->ended(c, other)) std::memcpy(&r, c->words(c, other) + ph, sizeof r);
    return r;
}
#define LANE (place->number & 31u)
#define __shfl_sync(m, v, l) emulated_exchange(place, v, (unsigned)(l))
#define __shfl_xor_sync(m, v, o) emulated_exchange(place, v, LANE ^ (unsigned)(o))
#define __shfl_up_sync(m, v, o) emulated_exchange(place, v, LANE >= (unsigned)(o) ? LANE - (unsigned)(o) : LANE)
#define __shfl_down_sync(m, v, o) emulated_exchange(place, v, LANE + (unsigned)(o) < 32 ? LANE + (unsigned)(o) : LANE)
static inline unsigned emulated_ballot(Place* c, int v) {
    unsigned r = 0, self = c->number, first = self & ~31u, ph = (c->exchange & 1) * 4,
             n = c->block_size.x * c->block_size.y * c->block_size.z;
    *(c->words(c, self) + ph) = v ? 1 : 0;
    c->exchange ^= 1;
    c->sync_warp(c);
    for (unsigned i = 0; i < 32 && first + i < n; i++)
        if (!c->ended(c, first + i) && *(c->words(c, first + i) + ph)) r |= 1u << i;
    return r;
}
#define __ballot_sync(m, v) emulated_ballot(place, v)
#define __activemask() 0xffffffffu
#define __any_sync(m, v) (emulated_ballot(place, v) != 0)
#define __all_sync(m, v) (emulated_ballot(place, !(v)) == 0)
static inline int __ffs(int v) { return __builtin_ffs(v); }
static inline int __clz(int v) { return v ? __builtin_clz(v) : 32; }
static inline int __clzll(long long v) { return v ? __builtin_clzll(v) : 64; }
static inline int __popc(unsigned v) { return __builtin_popcount(v); }
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)(((uint64_t)a * b) >> 32); }
static inline int __mulhi(int a, int b) { return (int)(((int64_t)a * b) >> 32); }
static inline uint64_t __umul64hi(uint64_t a, uint64_t b) { return (uint64_t)(((unsigned __int128)a * b) >> 64); }
static inline float __fdividef(float a, float b) { return a / b; }
#define __powf powf
#define __expf expf
#define __logf logf
#define __sinf sinf
#define __cosf cosf
static inline float __fsqrt_rn(float a) { return sqrtf(a); }
static inline float __frsqrt_rn(float a) { return 1.0f / sqrtf(a); }
static inline float __frcp_rn(float a) { return 1.0f / a; }
#define __tanhf tanhf
static inline float rsqrt(float a) { return 1.0f / sqrtf(a); }
static inline float __saturatef(float a) { return a < 0 ? 0 : a > 1 ? 1 : a; }
// CUDA's overloads of min and max mix types and take the number where the other is none.
static inline float max(float a, float b) { return fmaxf(a, b); }
static inline float min(float a, float b) { return fminf(a, b); }
static inline double max(double a, double b) { return fmax(a, b); }
static inline double min(double a, double b) { return fmin(a, b); }
template <class A, class B, class = std::enable_if_t<std::is_integral_v<A> && std::is_integral_v<B>>>
static inline std::common_type_t<A, B> max(A a, B b) {
    using T = std::common_type_t<A, B>;
    return (T)a > (T)b ? (T)a : (T)b;
}
template <class A, class B, class = std::enable_if_t<std::is_integral_v<A> && std::is_integral_v<B>>>
static inline std::common_type_t<A, B> min(A a, B b) {
    using T = std::common_type_t<A, B>;
    return (T)a < (T)b ? (T)a : (T)b;
}
using std::abs;
using std::ceil;
using std::cos;
using std::erf;
using std::exp;
using std::floor;
using std::fma;
using std::fmod;
using std::isinf;
using std::isnan;
using std::log;
using std::pow;
using std::rint;
using std::sin;
using std::sqrt;
using std::tanh;
using std::trunc;
template <class T, class V>
static inline T atomicAdd(T* p, V v) {
    if constexpr (std::is_integral_v<T>)
        return __atomic_fetch_add(p, (T)v, __ATOMIC_RELAXED);
    else {
        using U = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
        U old = __atomic_load_n((U*)p, __ATOMIC_RELAXED), now;
        T o, r;
        do {
            std::memcpy(&o, &old, sizeof o);
            r = o + (T)v;
            std::memcpy(&now, &r, sizeof r);
        } while (!__atomic_compare_exchange_n((U*)p, &old, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
        return o;
    }
}
struct int2 {
    int x, y;
};
struct int3 {
    int x, y, z;
};
struct int4 {
    int x, y, z, w;
};
struct uint2 {
    unsigned x, y;
};
struct uint4 {
    unsigned x, y, z, w;
};
struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
// Calls a kernel whose arguments lie behind an array of pointers.
template <class... A, size_t... I>
static inline __attribute__((always_inline)) void call_with(Place* c, void** p, void (*f)(Place*, A...),
                                                            std::index_sequence<I...>) {
    f(c, *(std::remove_const_t<A>*)p[I]...);
}
template <class... A>
static inline __attribute__((always_inline)) void call(Place* c, void** p, void (*f)(Place*, A...)) {
    call_with(c, p, f, std::make_index_sequence<sizeof...(A)>());
}

// Tensor cores. Fragments hold the whole matrix in a warp's first thread.
static inline float emulated_tf32(float v) {
    uint32_t u;
    std::memcpy(&u, &v, 4);
    u &= 0xffffe000u;
    std::memcpy(&v, &u, 4);
    return v;
}
namespace nvcuda {
namespace wmma {
struct matrix_a;
struct matrix_b;
struct accumulator;
struct row_major;
struct col_major;
namespace precision {
struct tf32;
}
enum layout_t { mem_row_major, mem_col_major };
template <class Use, int M, int N, int K, class T, class L = void>
struct fragment {
    static constexpr int rows = std::is_same_v<Use, matrix_b> ? K : M, columns = std::is_same_v<Use, matrix_a> ? K : N;
    static constexpr bool by_row = !std::is_same_v<L, col_major>;
    static constexpr int num_elements = rows * columns;
    float x[rows * columns];
};
static inline float __float_to_tf32(float v) {
    uint32_t u;
    std::memcpy(&u, &v, 4);
    if ((u & 0x7f800000u) != 0x7f800000u) u = (u + 0x1000u) & 0xffffe000u;
    std::memcpy(&v, &u, 4);
    return v;
}
template <class F>
static inline void emulated_fill_fragment(Place* c, F& f, float v) {
    if (!(c->number & 31))
        for (float& e : f.x) e = v;
}
template <class F>
static inline void emulated_load_matrix_sync(Place* c, F& f, const float* p, unsigned ld,
                                             layout_t l = F::by_row ? mem_row_major : mem_col_major) {
    c->sync_warp(c);
    if (!(c->number & 31))
        for (int i = 0; i < F::rows; i++)
            for (int j = 0; j < F::columns; j++)
                f.x[i * F::columns + j] = l == mem_row_major ? p[i * ld + j] : p[j * ld + i];
    c->sync_warp(c);
}
template <class F>
static inline void emulated_store_matrix_sync(Place* c, float* p, const F& f, unsigned ld, layout_t l) {
    c->sync_warp(c);
    if (!(c->number & 31))
        for (int i = 0; i < F::rows; i++)
            for (int j = 0; j < F::columns; j++)
                (l == mem_row_major ? p[i * ld + j] : p[j * ld + i]) = f.x[i * F::columns + j];
    c->sync_warp(c);
}
template <class D, class A, class B, class C>
static inline void emulated_mma_sync(Place* c, D& d, const A& a, const B& b, const C& acc) {
    if (c->number & 31) return;
    for (int i = 0; i < D::rows; i++) {
        float row[D::columns];
        for (int j = 0; j < D::columns; j++) row[j] = acc.x[i * D::columns + j];
        for (int k = 0; k < A::columns; k++) {
            float x = emulated_tf32(a.x[i * A::columns + k]);
            for (int j = 0; j < D::columns; j++) row[j] += x * emulated_tf32(b.x[k * D::columns + j]);
        }
        for (int j = 0; j < D::columns; j++) d.x[i * D::columns + j] = row[j];
    }
}
}  // namespace wmma
}  // namespace nvcuda
#define fill_fragment(...) emulated_fill_fragment(place, __VA_ARGS__)
#define load_matrix_sync(...) emulated_load_matrix_sync(place, __VA_ARGS__)
#define store_matrix_sync(...) emulated_store_matrix_sync(place, __VA_ARGS__)
#define mma_sync(...) emulated_mma_sync(place, __VA_ARGS__)
// mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32, by the layout of the PTX manual.
static inline void emulated_mma_m16n8k8(Place* c, uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t b0,
                                        uint32_t b1, float c0, float c1, float c2, float c3, float& d0, float& d1,
                                        float& d2, float& d3) {
    unsigned self = c->number, first = self & ~31u, lane = self & 31, g = lane >> 2, t = lane & 3,
             ph = (c->exchange & 1) * 4;
    uint32_t mine[6] = {a0, a1, a2, a3, b0, b1};
    std::memcpy(c->words(c, self) + ph, mine, sizeof mine);
    c->exchange ^= 1;
    c->sync_warp(c);
    auto get = [&](unsigned l, int i) {
        float v;
        std::memcpy(&v, (uint32_t*)(c->words(c, first + l) + ph) + i, 4);
        return emulated_tf32(v);
    };
    float d[4] = {c0, c1, c2, c3};
    for (unsigned k = 0; k < 8; k++) {
        float x = get(g * 4 + (k & 3), k < 4 ? 0 : 2), y = get(g * 4 + (k & 3), k < 4 ? 1 : 3);
        float u = get((2 * t) * 4 + (k & 3), k < 4 ? 4 : 5), v = get((2 * t + 1) * 4 + (k & 3), k < 4 ? 4 : 5);
        d[0] += x * u;
        d[1] += x * v;
        d[2] += y * u;
        d[3] += y * v;
    }
    d0 = d[0];
    d1 = d[1];
    d2 = d[2];
    d3 = d[3];
}
#define __mma_m16n8k8_float_float_float(...) emulated_mma_m16n8k8(place, __VA_ARGS__)
// Asynchronous copies are done at once.
template <size_t N>
static inline void __cp_async_shared_global(const void* s, void* d, int n) {
    if (n > 0) std::memcpy(d, s, n);
    std::memset((char*)d + n, 0, N - n);
}
template <size_t N>
static inline void __cp_async_shared_global(const void* s, void* d) {
    std::memcpy(d, s, N);
}
#define __cp_async_arrive(b)
namespace cuda {
enum thread_scope { thread_scope_block, thread_scope_thread };
template <thread_scope S>
struct barrier {
    using arrival_token = uint32_t;
    uint16_t expected, left;
    uint32_t phase;
};
namespace device {}
}  // namespace cuda
static inline void init(cuda::barrier<cuda::thread_scope_block>* b, unsigned n) {
    b->expected = b->left = (uint16_t)n;
    b->phase = 0;
}
static inline uint32_t arrive(cuda::barrier<cuda::thread_scope_block>& b) {
    uint32_t p = b.phase;
    if (--b.left == 0) {
        b.left = b.expected;
        b.phase++;
    }
    return p;
}
static inline void await_parity(Place* c, cuda::barrier<cuda::thread_scope_block>& b, unsigned parity) {
    while ((b.phase & 1) == (parity & 1)) c->yield(c);
}
static inline void await(Place* c, cuda::barrier<cuda::thread_scope_block>& b, uint32_t token) {
    while (b.phase == token) c->yield(c);
}
namespace cooperative_groups {
struct thread_block {};
static inline thread_block this_thread_block() { return {}; }
}  // namespace cooperative_groups
