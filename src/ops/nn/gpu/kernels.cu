// Kernels of layers and optimisers.
//
// Plain C with one argument each, so that tests run the same text on a processor (`emulated.rs` compiles it with DEVICE undefined, where
// a warp has one lane). No kernel adds atomically: every sum has one order. Numbers are 32-bit floats, or (`half` switches) bfloat16.

typedef struct {
    unsigned long long p[8];
    long long n[16];
    float f[12];
} Args;

#ifdef DEVICE
static_assert(sizeof(Args) == ARGS_BYTES, "arguments as the host has them");
#define KERNEL extern "C" __global__ void
#define INLINE static __device__ __forceinline__
#define LANES 32
#define THREAD ((long long)blockIdx.x * blockDim.x + threadIdx.x)
INLINE double all_sum(double x) {
    for (int o = 16; o > 0; o >>= 1) x += __shfl_xor_sync(0xffffffffu, x, o);
    return x;
}
INLINE float all_max(float x) {
    for (int o = 16; o > 0; o >>= 1) {
        float y = __shfl_xor_sync(0xffffffffu, x, o);
        x = y > x ? y : x;
    }
    return x;
}
INLINE int all_min(int x) {
    for (int o = 16; o > 0; o >>= 1) {
        int y = __shfl_xor_sync(0xffffffffu, x, o);
        x = y < x ? y : x;
    }
    return x;
}
#else
#define KERNEL void
#define INLINE static inline
#define LANES 1
extern float expf(float), tanhf(float), erff(float), sqrtf(float), floorf(float);
extern double sqrt(double), log(double);
static _Thread_local long long THREAD;
INLINE double all_sum(double x) { return x; }
INLINE float all_max(float x) { return x; }
INLINE int all_min(int x) { return x; }
#endif

// The place of this thread, or of this warp with the lane within it; kernels of too many threads end here.
#define EACH(i, count)            \
    const long long i = THREAD;   \
    if (i >= (count)) return
#define WARP(i, lane, count)              \
    const long long i = THREAD / LANES;   \
    const int lane = (int)(THREAD % LANES); \
    if (i >= (count)) return

// Quotient and remainder; long division takes several times as long as that of 32 bits, which is nearly always enough.
INLINE long long quotient(long long a, long long b) {
    return (a | b) >> 32 ? a / b : (long long)((unsigned)a / (unsigned)b);
}
INLINE long long rest(long long a, long long b) {
    return (a | b) >> 32 ? a % b : (long long)((unsigned)a % (unsigned)b);
}

typedef union {
    unsigned u;
    float f;
} Bits;

INLINE float up(unsigned short h) {
    Bits b;
    b.u = (unsigned)h << 16;
    return b.f;
}

// Rounds to the nearest, to even where two are; what is no number stays none.
INLINE unsigned short down(float f) {
    Bits b;
    b.f = f;
    if ((b.u & 0x7fffffffu) > 0x7f800000u) return (unsigned short)(b.u >> 16 | 0x40u);
    return (unsigned short)((b.u + 0x7fffu + (b.u >> 16 & 1u)) >> 16);
}

INLINE float get(unsigned long long p, long long i, long long half) {
    return half ? up(((const unsigned short *)p)[i]) : ((const float *)p)[i];
}

INLINE void put(unsigned long long p, long long i, long long half, float v) {
    if (half) ((unsigned short *)p)[i] = down(v);
    else ((float *)p)[i] = v;
}

INLINE void give(unsigned long long p, long long i, long long half, long long add, float v) {
    put(p, i, half, add ? get(p, i, half) + v : v);
}

// One number, or four side by side at a place that four divide: `w` is known to the compiler.
INLINE void gets(unsigned long long p, long long i, long long half, int w, float *v) {
#ifdef DEVICE
    if (w == 4) {
        if (half) {
            ushort4 x = ((const ushort4 *)p)[i / 4];
            v[0] = up(x.x), v[1] = up(x.y), v[2] = up(x.z), v[3] = up(x.w);
        } else {
            float4 x = ((const float4 *)p)[i / 4];
            v[0] = x.x, v[1] = x.y, v[2] = x.z, v[3] = x.w;
        }
        return;
    }
#endif
    for (int k = 0; k < w; k++) v[k] = get(p, i + k, half);
}

INLINE void puts_(unsigned long long p, long long i, long long half, int w, const float *v) {
#ifdef DEVICE
    if (w == 4) {
        if (half) {
            ushort4 x;
            x.x = down(v[0]), x.y = down(v[1]), x.z = down(v[2]), x.w = down(v[3]);
            ((ushort4 *)p)[i / 4] = x;
        } else {
            float4 x;
            x.x = v[0], x.y = v[1], x.z = v[2], x.w = v[3];
            ((float4 *)p)[i / 4] = x;
        }
        return;
    }
#endif
    for (int k = 0; k < w; k++) put(p, i + k, half, v[k]);
}

INLINE void gives(unsigned long long p, long long i, long long half, long long add, int w, float *v) {
    if (add) {
        float old[4];
        gets(p, i, half, w, old);
        for (int k = 0; k < w; k++) v[k] += old[k];
    }
    puts_(p, i, half, w, v);
}

// ---- numbers one by one -------------------------------------------------------------------------------------------------------------

// y = s x, or y += s x. p: x, y. n: count, half x, half y, add. f: s.
INLINE void combine_at(Args a, long long i, int w) {
    float v[4];
    gets(a.p[0], i, a.n[1], w, v);
    for (int k = 0; k < w; k++) v[k] *= a.f[0];
    gives(a.p[1], i, a.n[2], a.n[3], w, v);
}

KERNEL combine(Args a) {
    EACH(t, (a.n[0] + 3) / 4);
    const long long i = 4 * t;
    if (i + 4 <= a.n[0]) {
        combine_at(a, i, 4);
        return;
    }
    for (long long k = i; k < a.n[0]; k++) combine_at(a, k, 1);
}

// Cuts each number to [-f0, f0]. p: x. n: count. f: limit.
KERNEL limit(Args a) {
    EACH(i, a.n[0]);
    const float x = get(a.p[0], i, 0), most = a.f[0];
    put(a.p[0], i, 0, x > most ? most : x < -most ? -most : x);
}

#define RELU 0
#define LEAKY_RELU 1
#define GELU 2
#define GELU_TANH 3
#define TANH 4
#define SIGMOID 5

INLINE float inner(float x) { return 0.7978845608f * (x + 0.044715f * x * x * x); }

INLINE float phi(float x) { return 0.5f * (1.0f + erff(x * 0.7071067812f)); }

INLINE float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

INLINE float function(long long which, float slope, float x) {
    switch (which) {
        case RELU: return x < 0.0f ? 0.0f : x;
        case LEAKY_RELU: return x > 0.0f ? x : slope * x;
        case GELU: return x * phi(x);
        case GELU_TANH: return 0.5f * x * (1.0f + tanhf(inner(x)));
        case TANH: return tanhf(x);
        default: return sigmoid(x);
    }
}

INLINE float derivative(long long which, float slope, float x, float y) {
    switch (which) {
        case RELU: return x <= 0.0f ? 0.0f : 1.0f;
        case LEAKY_RELU: return x > 0.0f ? 1.0f : slope;
        case GELU: return phi(x) + x * 0.3989422804f * expf(-0.5f * x * x);
        case GELU_TANH: {
            const float t = tanhf(inner(x));
            return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * 0.7978845608f * (1.0f + 3.0f * 0.044715f * x * x);
        }
        case TANH: return 1.0f - y * y;
        default: return y * (1.0f - y);
    }
}

// p: x, y. n: count, half, function. f: slope.
KERNEL activation(Args a) {
    EACH(i, a.n[0]);
    put(a.p[1], i, a.n[1], function(a.n[2], a.f[0], get(a.p[0], i, a.n[1])));
}

// p: x, y, dy, dx. n: count, half, function, add. f: slope.
KERNEL activation_back(Args a) {
    EACH(i, a.n[0]);
    const float x = get(a.p[0], i, a.n[1]), y = get(a.p[1], i, a.n[1]);
    give(a.p[3], i, a.n[1], a.n[3], get(a.p[2], i, a.n[1]) * derivative(a.n[2], a.f[0], x, y));
}

// Adds a row to each row. p: x, row (32 bits). n: count, width, half.
KERNEL add_row(Args a) {
    EACH(i, a.n[0]);
    give(a.p[0], i, a.n[2], 1, get(a.p[1], rest(i, a.n[1]), 0));
}

// A block of four axes, copied or added between places with distances of their own.
// p: from, to. n: 0-3 sizes, 4-7 distances from, 8-11 distances to, half from, half to, add. f: scale.
KERNEL copy4(Args a) {
    EACH(i, a.n[0] * a.n[1] * a.n[2] * a.n[3]);
    const long long i3 = quotient(i, a.n[3]), i2 = quotient(i3, a.n[2]), e = quotient(i2, a.n[1]);
    const long long d = i - i3 * a.n[3], c = i3 - i2 * a.n[2], b = i2 - e * a.n[1];
    const long long from = e * a.n[4] + b * a.n[5] + c * a.n[6] + d * a.n[7];
    const long long to = e * a.n[8] + b * a.n[9] + c * a.n[10] + d * a.n[11];
    give(a.p[1], to, a.n[13], a.n[14], a.f[0] * get(a.p[0], from, a.n[12]));
}

// Another image of the same numbers, both in the order channels, positions; or (`back`) the gradient by it.
// p: from, to. n: count, size of an example, positions in, channels in, positions out, channels out, half, back, add.
KERNEL reshape(Args a) {
    EACH(i, a.n[0]);
    const long long j = i % a.n[1], base = i - j;
    const long long in = base + j % a.n[2] * a.n[3] + j / a.n[2], out = base + j % a.n[4] * a.n[5] + j / a.n[4];
    if (a.n[7]) give(a.p[1], in, a.n[6], a.n[8], get(a.p[0], out, a.n[6]));
    else put(a.p[1], out, a.n[6], get(a.p[0], in, a.n[6]));
}

// Zeros with probability `threshold / 2^32`, else the number times `scale`; drawn by place (SplitMix64, Steele et al. 2014), so that the
// gradient draws the same. Whole channels where `size` of an example is given: the place is then example and channel.
// p: x, y. n: count, half, add, key, threshold, size or 0, channels. f: scale.
KERNEL dropout(Args a) {
    EACH(i, a.n[0]);
    const unsigned long long place = (unsigned long long)(a.n[5] ? i / a.n[5] * a.n[6] + i % a.n[6] : i);
    unsigned long long z = (unsigned long long)a.n[3] + (place + 1) * 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    z ^= z >> 31;
    const float factor = (long long)(z >> 32) < a.n[4] ? 0.0f : a.f[0];
    give(a.p[1], i, a.n[1], a.n[2], factor * get(a.p[0], i, a.n[1]));
}

// ---- sums over rows -----------------------------------------------------------------------------------------------------------------

// Sums of the columns of a chunk of rows. p: x, partial (chunks x width, 32 bits). n: rows, width, rows of a chunk, half.
KERNEL columns(Args a) {
    const long long width = a.n[1];
    EACH(i, (a.n[0] + a.n[2] - 1) / a.n[2] * width);
    const long long chunk = i / width, col = i % width;
    long long end = (chunk + 1) * a.n[2];
    if (end > a.n[0]) end = a.n[0];
    float sum = 0.0f;
    for (long long row = chunk * a.n[2]; row < end; row++) sum += get(a.p[0], row * width + col, a.n[3]);
    put(a.p[1], i, 0, sum);
}

// Adds up partial sums, a warp a column; the first `n2` columns go to one place, the rest to another. p: partial, first, rest. n: chunks, width, n2.
KERNEL fold(Args a) {
    WARP(i, lane, a.n[1]);
    double sum = 0.0;
    for (long long chunk = lane; chunk < a.n[0]; chunk += LANES) sum += get(a.p[0], chunk * a.n[1] + i, 0);
    sum = all_sum(sum);
    if (lane != 0) return;
    if (i < a.n[2]) put(a.p[1], i, 0, (float)sum);
    else put(a.p[2], i - a.n[2], 0, (float)sum);
}

// Sums of squares of pieces of 8192 numbers, in 64 bits. p: x (32 bits), sums. n: count.
KERNEL squares(Args a) {
    WARP(i, lane, (a.n[0] + 8191) / 8192);
    long long end = (i + 1) * 8192;
    if (end > a.n[0]) end = a.n[0];
    double sum = 0.0;
    for (long long k = i * 8192 + lane; k < end; k += LANES) {
        const double x = get(a.p[0], k, 0);
        sum += x * x;
    }
    sum = all_sum(sum);
    if (lane == 0) ((double *)a.p[1])[i] = sum;
}

// ---- batch normalisation ------------------------------------------------------------------------------------------------------------

// Mean and sum of squared deviations of a chunk of rows, by channel, relative to the chunk's first row.
// p: x, partial (chunks x 2 x channels). n: rows, channels, rows of a chunk, half, numbers a thread (1 or 4).
INLINE void moments_of(Args a, int w) {
    const long long c = a.n[1];
    EACH(i, (a.n[0] + a.n[2] - 1) / a.n[2] * (c / w));
    const long long chunk = quotient(i, c / w), channel = rest(i, c / w) * w, start = chunk * a.n[2];
    long long end = start + a.n[2];
    if (end > a.n[0]) end = a.n[0];
    float first[4], x[4], s[4] = {0, 0, 0, 0}, q[4] = {0, 0, 0, 0};
    gets(a.p[0], start * c + channel, a.n[3], w, first);
    for (long long row = start + 1; row < end; row++) {
        gets(a.p[0], row * c + channel, a.n[3], w, x);
        for (int k = 0; k < w; k++) {
            const float d = x[k] - first[k];
            s[k] += d, q[k] += d * d;
        }
    }
    const float count = (float)(end - start);
    for (int k = 0; k < w; k++) {
        put(a.p[1], chunk * 2 * c + channel + k, 0, first[k] + s[k] / count);
        put(a.p[1], chunk * 2 * c + c + channel + k, 0, q[k] - s[k] * s[k] / count);
    }
}

KERNEL moments(Args a) {
    if (a.n[4] == 4) moments_of(a, 4);
    else moments_of(a, 1);
}

// Mean and inverse deviation of the batch, and the running statistics that follow them; a warp a channel.
// p: partial, statistics (2 x channels), running mean, running variance. n: rows, channels, rows of a chunk. f: momentum, eps.
KERNEL normalise_by(Args a) {
    const long long c = a.n[1], chunks = (a.n[0] + a.n[2] - 1) / a.n[2];
    WARP(i, lane, c);
    double sum = 0.0, square = 0.0;
    for (long long k = lane; k < chunks; k += LANES) {
        const long long left = a.n[0] - k * a.n[2];
        sum += (double)(left < a.n[2] ? left : a.n[2]) * get(a.p[0], k * 2 * c + i, 0);
    }
    const double rows = (double)a.n[0], mean = all_sum(sum) / rows;
    for (long long k = lane; k < chunks; k += LANES) {
        const long long left = a.n[0] - k * a.n[2];
        const double d = get(a.p[0], k * 2 * c + i, 0) - mean;
        square += get(a.p[0], k * 2 * c + c + i, 0) + (double)(left < a.n[2] ? left : a.n[2]) * d * d;
    }
    double var = all_sum(square) / rows;
    if (var < 0.0) var = 0.0;
    if (lane != 0) return;
    const double momentum = a.f[0], unbiased = rows > 1.0 ? rows / (rows - 1.0) : 1.0;
    put(a.p[1], i, 0, (float)mean);
    put(a.p[1], c + i, 0, (float)(1.0 / sqrt(var + (double)a.f[1])));
    put(a.p[2], i, 0, (float)((1.0 - momentum) * get(a.p[2], i, 0) + momentum * mean));
    put(a.p[3], i, 0, (float)((1.0 - momentum) * get(a.p[3], i, 0) + momentum * var * unbiased));
}

// The same from running statistics. p: statistics, running mean, running variance. n: channels. f: eps.
KERNEL normalise_fixed(Args a) {
    EACH(i, a.n[0]);
    put(a.p[0], i, 0, get(a.p[1], i, 0));
    put(a.p[0], a.n[0] + i, 0, (float)(1.0 / sqrt((double)get(a.p[2], i, 0) + (double)a.f[0])));
}

// p: x, statistics, scale, shift, other addend or 0, y. n: count, channels, half, relu, numbers a thread.
INLINE void batch_norm_at(Args a, int w) {
    EACH(t, a.n[0] / w);
    const long long i = t * w, c = rest(t, a.n[1] / w) * w;
    float x[4], m[4], r[4], s[4], b[4], o[4] = {0, 0, 0, 0};
    gets(a.p[0], i, a.n[2], w, x);
    gets(a.p[1], c, 0, w, m);
    gets(a.p[1] + 4 * a.n[1], c, 0, w, r);
    gets(a.p[2], c, 0, w, s);
    gets(a.p[3], c, 0, w, b);
    if (a.p[4]) gets(a.p[4], i, a.n[2], w, o);
    for (int k = 0; k < w; k++) {
        const float y = (x[k] - m[k]) * (r[k] * s[k]) + b[k] + o[k];
        x[k] = a.n[3] && y < 0.0f ? 0.0f : y;
    }
    puts_(a.p[5], i, a.n[2], w, x);
}

KERNEL batch_norm(Args a) {
    if (a.n[4] == 4) batch_norm_at(a, 4);
    else batch_norm_at(a, 1);
}

// The gradient behind the rectifier, where there is one.
INLINE void behind(Args a, long long i, int w, float *d) {
    gets(a.p[2], i, a.n[3], w, d);
    if (!a.n[4]) return;
    float y[4];
    gets(a.p[1], i, a.n[3], w, y);
    for (int k = 0; k < w; k++) d[k] = y[k] <= 0.0f ? 0.0f : d[k];
}

// Sums of gradients and of their products with deviations, over a chunk of rows.
// p: x, y, dy, statistics, partial (chunks x 2 x channels). n: rows, channels, rows of a chunk, half, relu, numbers a thread.
INLINE void batch_norm_sums_of(Args a, int w) {
    const long long c = a.n[1];
    EACH(i, (a.n[0] + a.n[2] - 1) / a.n[2] * (c / w));
    const long long chunk = quotient(i, c / w), channel = rest(i, c / w) * w;
    long long end = (chunk + 1) * a.n[2];
    if (end > a.n[0]) end = a.n[0];
    float x[4], d[4], m[4], s[4] = {0, 0, 0, 0}, q[4] = {0, 0, 0, 0};
    gets(a.p[3], channel, 0, w, m);
    for (long long row = chunk * a.n[2]; row < end; row++) {
        gets(a.p[0], row * c + channel, a.n[3], w, x);
        behind(a, row * c + channel, w, d);
        for (int k = 0; k < w; k++) s[k] += d[k], q[k] += d[k] * (x[k] - m[k]);
    }
    for (int k = 0; k < w; k++) {
        put(a.p[4], chunk * 2 * c + channel + k, 0, s[k]);
        put(a.p[4], chunk * 2 * c + c + channel + k, 0, q[k]);
    }
}

KERNEL batch_norm_sums(Args a) {
    if (a.n[5] == 4) batch_norm_sums_of(a, 4);
    else batch_norm_sums_of(a, 1);
}

// Gradients by scale and shift, and the coefficients of the gradient by the input: factor, slope, level; a warp a channel.
// p: partial, statistics, scale, gradient by scale or 0, gradient by shift or 0, coefficients (3 x channels). n: rows, channels, rows of a chunk, training.
KERNEL batch_norm_coefficients(Args a) {
    const long long c = a.n[1], chunks = (a.n[0] + a.n[2] - 1) / a.n[2];
    WARP(i, lane, c);
    double sum = 0.0, product = 0.0;
    for (long long k = lane; k < chunks; k += LANES) {
        sum += get(a.p[0], k * 2 * c + i, 0);
        product += get(a.p[0], k * 2 * c + c + i, 0);
    }
    sum = all_sum(sum), product = all_sum(product);
    if (lane != 0) return;
    const double inverse = get(a.p[1], c + i, 0), factor = inverse * get(a.p[2], i, 0), rows = (double)a.n[0];
    if (a.p[3]) put(a.p[3], i, 0, (float)(product * inverse));
    if (a.p[4]) put(a.p[4], i, 0, (float)sum);
    put(a.p[5], i, 0, (float)factor);
    put(a.p[5], c + i, 0, a.n[3] ? (float)(-factor * inverse * inverse * product / rows) : 0.0f);
    put(a.p[5], 2 * c + i, 0, a.n[3] ? (float)(-factor * sum / rows) : 0.0f);
}

// p: x, y, dy, statistics, coefficients, dx or 0, gradient by the other addend or 0. n: count, channels, numbers a thread, half, relu, add to dx, add to the other.
INLINE void batch_norm_back_at(Args a, int w) {
    EACH(t, a.n[0] / w);
    const long long i = t * w, c = rest(t, a.n[1] / w) * w;
    float d[4], v[4], m[4], f[4], s[4], l[4];
    behind(a, i, w, d);
    if (a.p[5]) {
        gets(a.p[0], i, a.n[3], w, v);
        gets(a.p[3], c, 0, w, m);
        gets(a.p[4], c, 0, w, f);
        gets(a.p[4] + 4 * a.n[1], c, 0, w, s);
        gets(a.p[4] + 8 * a.n[1], c, 0, w, l);
        for (int k = 0; k < w; k++) v[k] = f[k] * d[k] + (s[k] * (v[k] - m[k]) + l[k]);
        gives(a.p[5], i, a.n[3], a.n[5], w, v);
    }
    if (a.p[6]) gives(a.p[6], i, a.n[3], a.n[6], w, d);
}

KERNEL batch_norm_back(Args a) {
    if (a.n[2] == 4) batch_norm_back_at(a, 4);
    else batch_norm_back_at(a, 1);
}

// ---- normalisation of each example --------------------------------------------------------------------------------------------------

// The place of number i of group g (example and group) where groups are runs of `width` channels at each position.
INLINE long long in_group(Args a, long long g, long long i) {
    const long long c = a.n[2], groups = a.n[3], width = c / groups;
    const long long row = quotient(i, width), example = quotient(g, groups);
    return (example * a.n[1] + row) * c + (g - example * groups) * width + i - row * width;
}

// p: x, scale, shift, y, statistics (2 a group). n: groups of all examples, positions, channels, groups, half. f: eps.
KERNEL group_norm(Args a) {
    WARP(g, lane, a.n[0]);
    const long long width = a.n[2] / a.n[3], count = a.n[1] * width, low = g % a.n[3] * width;
    double sum = 0.0, square = 0.0;
    for (long long i = lane; i < count; i += LANES) sum += get(a.p[0], in_group(a, g, i), a.n[4]);
    const double mean = all_sum(sum) / (double)count;
    for (long long i = lane; i < count; i += LANES) {
        const double d = get(a.p[0], in_group(a, g, i), a.n[4]) - mean;
        square += d * d;
    }
    const float m = (float)mean, r = (float)(1.0 / sqrt(all_sum(square) / (double)count + (double)a.f[0]));
    if (lane == 0) put(a.p[4], 2 * g, 0, m), put(a.p[4], 2 * g + 1, 0, r);
    for (long long i = lane; i < count; i += LANES) {
        const long long at = in_group(a, g, i), c = low + rest(i, width);
        put(a.p[3], at, a.n[4], (get(a.p[0], at, a.n[4]) - m) * r * get(a.p[1], c, 0) + get(a.p[2], c, 0));
    }
}

// p: x, scale, dy, dx, statistics. n: groups of all examples, positions, channels, groups, half, add.
KERNEL group_norm_back(Args a) {
    WARP(g, lane, a.n[0]);
    const long long width = a.n[2] / a.n[3], count = a.n[1] * width, low = g % a.n[3] * width;
    const float m = get(a.p[4], 2 * g, 0), r = get(a.p[4], 2 * g + 1, 0);
    double sum = 0.0, product = 0.0;
    for (long long i = lane; i < count; i += LANES) {
        const long long at = in_group(a, g, i);
        const float d = get(a.p[2], at, a.n[4]) * get(a.p[1], low + rest(i, width), 0);
        sum += d;
        product += d * (get(a.p[0], at, a.n[4]) - m) * r;
    }
    const float s = (float)(all_sum(sum) / (double)count), q = (float)(all_sum(product) / (double)count);
    for (long long i = lane; i < count; i += LANES) {
        const long long at = in_group(a, g, i);
        const float d = get(a.p[2], at, a.n[4]) * get(a.p[1], low + rest(i, width), 0);
        give(a.p[3], at, a.n[4], a.n[5], r * (d - s - (get(a.p[0], at, a.n[4]) - m) * r * q));
    }
}

// Sums for the gradients by scale and shift, over a chunk of rows (example and position).
// p: x, dy, statistics, partial (chunks x 2 x channels). n: rows, positions, channels, groups, rows of a chunk, half.
KERNEL group_norm_sums(Args a) {
    const long long c = a.n[2];
    EACH(i, (a.n[0] + a.n[4] - 1) / a.n[4] * c);
    const long long chunk = i / c, channel = i % c, group = channel / (c / a.n[3]);
    long long end = (chunk + 1) * a.n[4];
    if (end > a.n[0]) end = a.n[0];
    float s = 0.0f, q = 0.0f;
    for (long long row = chunk * a.n[4]; row < end; row++) {
        const long long g = row / a.n[1] * a.n[3] + group;
        const float d = get(a.p[1], row * c + channel, a.n[5]);
        s += d;
        q += d * (get(a.p[0], row * c + channel, a.n[5]) - get(a.p[2], 2 * g, 0)) * get(a.p[2], 2 * g + 1, 0);
    }
    put(a.p[3], chunk * 2 * c + channel, 0, q);
    put(a.p[3], chunk * 2 * c + c + channel, 0, s);
}

// ---- softmax and loss ---------------------------------------------------------------------------------------------------------------

#define LOWEST (-3.402823466e38f)

// softmax(scale x) of each row; with `causal`, row i of each square matrix sees columns up to i. p: x, y. n: rows, length, half, causal. f: scale.
KERNEL softmax(Args a) {
    WARP(row, lane, a.n[0]);
    const long long len = a.n[1], seen = a.n[3] ? row % len + 1 : len, at = row * len;
    float highest = LOWEST;
    for (long long i = lane; i < seen; i += LANES) {
        const float x = get(a.p[0], at + i, a.n[2]);
        highest = x > highest ? x : highest;
    }
    highest = all_max(highest);
    double sum = 0.0;
    for (long long i = lane; i < seen; i += LANES) sum += expf((get(a.p[0], at + i, a.n[2]) - highest) * a.f[0]);
    const float inverse = (float)(1.0 / all_sum(sum));
    for (long long i = lane; i < len; i += LANES) {
        const float y = i < seen ? expf((get(a.p[0], at + i, a.n[2]) - highest) * a.f[0]) * inverse : 0.0f;
        put(a.p[1], at + i, a.n[2], y);
    }
}

// p: y, dy, dx. n: rows, length, half, add. f: scale.
KERNEL softmax_back(Args a) {
    WARP(row, lane, a.n[0]);
    const long long len = a.n[1], at = row * len;
    double sum = 0.0;
    for (long long i = lane; i < len; i += LANES) sum += get(a.p[0], at + i, a.n[2]) * get(a.p[1], at + i, a.n[2]);
    const float mean = (float)all_sum(sum);
    for (long long i = lane; i < len; i += LANES) {
        const float v = get(a.p[0], at + i, a.n[2]) * (get(a.p[1], at + i, a.n[2]) - mean) * a.f[0];
        give(a.p[2], at + i, a.n[2], a.n[3], v);
    }
}

// Losses, right predictions (1 or 0), and the gradient by the scores; a warp a row.
// p: scores, labels (32 bits), losses, right, gradient. n: rows, classes, half. f: smoothing, scale.
KERNEL cross_entropy(Args a) {
    WARP(row, lane, a.n[0]);
    const long long k = a.n[1], at = row * k, label = ((const unsigned *)a.p[1])[row];
    float highest = LOWEST;
    for (long long i = lane; i < k; i += LANES) {
        const float x = get(a.p[0], at + i, a.n[2]);
        highest = x > highest ? x : highest;
    }
    highest = all_max(highest);
    double total = 0.0, sum = 0.0;
    int first = 0x7fffffff;
    for (long long i = lane; i < k; i += LANES) {
        const float x = get(a.p[0], at + i, a.n[2]);
        total += expf(x - highest);
        sum += x;
        if (x == highest && (int)i < first) first = (int)i;
    }
    total = all_sum(total), sum = all_sum(sum), first = all_min(first);
    const float smoothing = a.f[0];
    const double log_total = highest + log(total);
    if (lane == 0) {
        const double there = get(a.p[0], at + label, a.n[2]);
        put(a.p[2], row, 0, (float)(log_total - (1.0 - smoothing) * there - smoothing * (sum / (double)k)));
        put(a.p[3], row, 0, first == (int)label ? 1.0f : 0.0f);
    }
    for (long long i = lane; i < k; i += LANES) {
        const float target = smoothing / (float)k + (i == label ? 1.0f - smoothing : 0.0f);
        put(a.p[4], at + i, a.n[2], a.f[1] * (expf((float)(get(a.p[0], at + i, a.n[2]) - log_total)) - target));
    }
}

// ---- windows ------------------------------------------------------------------------------------------------------------------------

// n of all: count, h, w, c, oh, ow, kernel, stride, pad, half, add.

// p: x, y, places of maxima within their image (32 bits).
KERNEL max_pool(Args a) {
    EACH(i, a.n[0]);
    const long long h = a.n[1], w = a.n[2], c = a.n[3], ow = a.n[5];
    const long long row = quotient(i, c), line = quotient(row, ow), channel = i - row * c;
    const long long x0 = (row - line * ow) * a.n[7] - a.n[8], y0 = rest(line, a.n[4]) * a.n[7] - a.n[8];
    const long long image = quotient(line, a.n[4]) * h * w * c;
    float most = 0.0f;
    long long where = -1;
    for (long long y = y0 < 0 ? 0 : y0; y < y0 + a.n[6] && y < h; y++) {
        for (long long x = x0 < 0 ? 0 : x0; x < x0 + a.n[6] && x < w; x++) {
            const long long at = (y * w + x) * c + channel;
            const float v = get(a.p[0], image + at, a.n[9]);
            if (where < 0 || v > most || v != v) most = v, where = at;
        }
    }
    put(a.p[1], i, a.n[9], most);
    ((unsigned *)a.p[2])[i] = (unsigned)where;
}

// p: places, dy, dx. Count is that of dx.
KERNEL max_pool_back(Args a) {
    EACH(i, a.n[0]);
    const long long h = a.n[1], w = a.n[2], c = a.n[3], oh = a.n[4], ow = a.n[5], k = a.n[6], s = a.n[7];
    const long long row = quotient(i, c), line = quotient(row, w), which = quotient(line, h), channel = i - row * c;
    const long long own = i - which * h * w * c, x = row - line * w + a.n[8], y = line - which * h + a.n[8];
    const long long image = which * oh * ow * c;
    float sum = 0.0f;
    for (long long oy = y < k ? 0 : quotient(y - k, s) + 1; oy <= quotient(y, s) && oy < oh; oy++) {
        for (long long ox = x < k ? 0 : quotient(x - k, s) + 1; ox <= quotient(x, s) && ox < ow; ox++) {
            const long long at = image + (oy * ow + ox) * c + channel;
            if (((const unsigned *)a.p[0])[at] == (unsigned)own) sum += get(a.p[1], at, a.n[9]);
        }
    }
    give(a.p[2], i, a.n[9], a.n[10], sum);
}

// p: x, y. f: scale.
KERNEL avg_pool(Args a) {
    EACH(i, a.n[0]);
    const long long h = a.n[1], w = a.n[2], c = a.n[3], ow = a.n[5];
    const long long row = quotient(i, c), line = quotient(row, ow), channel = i - row * c;
    const long long x0 = (row - line * ow) * a.n[7] - a.n[8], y0 = rest(line, a.n[4]) * a.n[7] - a.n[8];
    const long long image = quotient(line, a.n[4]) * h * w * c;
    float sum = 0.0f;
    for (long long y = y0 < 0 ? 0 : y0; y < y0 + a.n[6] && y < h; y++)
        for (long long x = x0 < 0 ? 0 : x0; x < x0 + a.n[6] && x < w; x++) sum += get(a.p[0], image + (y * w + x) * c + channel, a.n[9]);
    put(a.p[1], i, a.n[9], sum * a.f[0]);
}

// p: dy, dx. Count is that of dx. f: scale.
KERNEL avg_pool_back(Args a) {
    EACH(i, a.n[0]);
    const long long h = a.n[1], w = a.n[2], c = a.n[3], oh = a.n[4], ow = a.n[5], k = a.n[6], s = a.n[7];
    const long long row = quotient(i, c), line = quotient(row, w), which = quotient(line, h), channel = i - row * c;
    const long long x = row - line * w + a.n[8], y = line - which * h + a.n[8], image = which * oh * ow * c;
    float sum = 0.0f;
    for (long long oy = y < k ? 0 : quotient(y - k, s) + 1; oy <= quotient(y, s) && oy < oh; oy++)
        for (long long ox = x < k ? 0 : quotient(x - k, s) + 1; ox <= quotient(x, s) && ox < ow; ox++) sum += get(a.p[0], image + (oy * ow + ox) * c + channel, a.n[9]);
    give(a.p[1], i, a.n[9], a.n[10], sum * a.f[0]);
}

// Means over positions. p: x, y. n: count of y, positions, channels, half.
KERNEL global_mean(Args a) {
    EACH(i, a.n[0]);
    const long long c = a.n[2], at = quotient(i, c) * a.n[1] * c + rest(i, c);
    float sum = 0.0f;
    for (long long k = 0; k < a.n[1]; k++) sum += get(a.p[0], at + k * c, a.n[3]);
    put(a.p[1], i, a.n[3], sum / (float)a.n[1]);
}

// Where output place i along an axis comes from: two places and the weight of the second.
INLINE float between(long long i, long long size, long long factor, long long bilinear, long long *low, long long *high) {
    if (!bilinear) {
        *low = *high = i / factor;
        return 0.0f;
    }
    float s = ((float)i + 0.5f) / (float)factor - 0.5f;
    if (s < 0.0f) s = 0.0f;
    *low = (long long)floorf(s);
    if (*low > size - 1) *low = size - 1;
    *high = *low + 1 < size ? *low + 1 : size - 1;
    return s - (float)*low;
}

// p: x, y. n: count of y, h, w, c, factor, bilinear, half.
KERNEL upsample(Args a) {
    EACH(i, a.n[0]);
    const long long h = a.n[1], w = a.n[2], c = a.n[3], f = a.n[4], channel = i % c;
    const long long image = i / (c * w * f * h * f) * h * w * c;
    long long x0, x1, y0, y1;
    const float tx = between(i / c % (w * f), w, f, a.n[5], &x0, &x1), ty = between(i / (c * w * f) % (h * f), h, f, a.n[5], &y0, &y1);
    const float top = (1.0f - tx) * get(a.p[0], image + (y0 * w + x0) * c + channel, a.n[6]) + tx * get(a.p[0], image + (y0 * w + x1) * c + channel, a.n[6]);
    const float low = (1.0f - tx) * get(a.p[0], image + (y1 * w + x0) * c + channel, a.n[6]) + tx * get(a.p[0], image + (y1 * w + x1) * c + channel, a.n[6]);
    put(a.p[1], i, a.n[6], (1.0f - ty) * top + ty * low);
}

// p: dy, dx. n: count of dx, h, w, c, factor, bilinear, half, add.
KERNEL upsample_back(Args a) {
    EACH(i, a.n[0]);
    const long long h = a.n[1], w = a.n[2], c = a.n[3], f = a.n[4], channel = i % c, x = i / c % w, y = i / (c * w) % h;
    const long long image = i / (c * w * h) * h * f * w * f * c;
    float sum = 0.0f;
    for (long long oy = y > 0 ? (y - 1) * f : 0; oy < (y + 2) * f && oy < h * f; oy++) {
        long long y0, y1;
        const float ty = between(oy, h, f, a.n[5], &y0, &y1), wy = (y0 == y ? 1.0f - ty : 0.0f) + (y1 == y ? ty : 0.0f);
        if (wy == 0.0f) continue;
        for (long long ox = x > 0 ? (x - 1) * f : 0; ox < (x + 2) * f && ox < w * f; ox++) {
            long long x0, x1;
            const float tx = between(ox, w, f, a.n[5], &x0, &x1), wx = (x0 == x ? 1.0f - tx : 0.0f) + (x1 == x ? tx : 0.0f);
            sum += wy * wx * get(a.p[0], image + (oy * w * f + ox) * c + channel, a.n[6]);
        }
    }
    give(a.p[1], i, a.n[6], a.n[7], sum);
}

// ---- words and sequences ------------------------------------------------------------------------------------------------------------

INLINE long long word_at(unsigned long long p, long long i, long long words) {
    const float x = ((const float *)p)[i];
    const long long word = x > 0.0f ? (long long)x : 0;
    return word < words ? word : words - 1;
}

// p: words (32-bit floats), weight (32 bits), y. n: count of y, words, features, half.
KERNEL embedding(Args a) {
    EACH(i, a.n[0]);
    put(a.p[2], i, a.n[3], get(a.p[1], word_at(a.p[0], i / a.n[2], a.n[1]) * a.n[2] + i % a.n[2], 0));
}

// p: words, dy, gradient by the weight (32 bits). n: count of the weight, words, features, half, rows.
KERNEL embedding_back(Args a) {
    EACH(i, a.n[0]);
    const long long word = i / a.n[2], feature = i % a.n[2];
    float sum = 0.0f;
    for (long long row = 0; row < a.n[4]; row++)
        if (word_at(a.p[0], row, a.n[1]) == word) sum += get(a.p[1], row * a.n[2] + feature, a.n[3]);
    put(a.p[2], i, 0, sum);
}

// One token of all examples: the gates' functions, cells, hidden states.
// p: gates (rows x 4 hidden, 32 bits), cells (rows x hidden, 32 bits), y. n: examples, tokens, hidden, token, half of y.
KERNEL lstm_step(Args a) {
    const long long h = a.n[2];
    EACH(t, a.n[0] * h);
    const long long j = t % h, row = t / h * a.n[1] + a.n[3], g = row * 4 * h + j;
    const float i = sigmoid(get(a.p[0], g, 0)), f = sigmoid(get(a.p[0], g + h, 0));
    const float c = tanhf(get(a.p[0], g + 2 * h, 0)), o = sigmoid(get(a.p[0], g + 3 * h, 0));
    put(a.p[0], g, 0, i);
    put(a.p[0], g + h, 0, f);
    put(a.p[0], g + 2 * h, 0, c);
    put(a.p[0], g + 3 * h, 0, o);
    const float before = a.n[3] > 0 ? get(a.p[1], (row - 1) * h + j, 0) : 0.0f, cell = f * before + i * c;
    put(a.p[1], row * h + j, 0, cell);
    put(a.p[2], row * h + j, a.n[4], o * tanhf(cell));
}

// p: gates, cells, dy, gradient by the hidden state from the next token (examples x hidden, 32 bits), gradient by the cell (likewise, updated),
// gradient by the gates (rows x 4 hidden). n: examples, tokens, hidden, token, half.
KERNEL lstm_step_back(Args a) {
    const long long h = a.n[2];
    EACH(t, a.n[0] * h);
    const long long j = t % h, row = t / h * a.n[1] + a.n[3], g = row * 4 * h + j;
    const float i = get(a.p[0], g, 0), f = get(a.p[0], g + h, 0), c = get(a.p[0], g + 2 * h, 0), o = get(a.p[0], g + 3 * h, 0);
    const float tan = tanhf(get(a.p[1], row * h + j, 0)), before = a.n[3] > 0 ? get(a.p[1], (row - 1) * h + j, 0) : 0.0f;
    const int last = a.n[3] + 1 == a.n[1];
    const float hidden = get(a.p[2], row * h + j, a.n[4]) + (last ? 0.0f : get(a.p[3], t, 0));
    const float cell = (last ? 0.0f : get(a.p[4], t, 0)) + hidden * o * (1.0f - tan * tan);
    put(a.p[5], g, a.n[4], cell * c * i * (1.0f - i));
    put(a.p[5], g + h, a.n[4], cell * before * f * (1.0f - f));
    put(a.p[5], g + 2 * h, a.n[4], cell * i * (1.0f - c * c));
    put(a.p[5], g + 3 * h, a.n[4], hidden * tan * o * (1.0f - o));
    put(a.p[4], t, 0, cell * f);
}

// ---- optimisers ---------------------------------------------------------------------------------------------------------------------

// p: w, v or 0, g. n: count, nesterov. f: rate, momentum, decay.
KERNEL sgd(Args a) {
    EACH(i, a.n[0]);
    const float w = get(a.p[0], i, 0), g = get(a.p[2], i, 0) + a.f[2] * w;
    if (!a.p[1]) {
        put(a.p[0], i, 0, w - a.f[0] * g);
        return;
    }
    const float v = a.f[1] * get(a.p[1], i, 0) + g;
    put(a.p[1], i, 0, v);
    put(a.p[0], i, 0, w - a.f[0] * (a.n[1] ? g + a.f[1] * v : v));
}

// p: w, m, v, g. n: count. f: step, second, decay added to the gradient, decay of the weight, beta 1, beta 2, 1 - beta 1, 1 - beta 2, eps.
KERNEL adam(Args a) {
    EACH(i, a.n[0]);
    const float w = get(a.p[0], i, 0), g = get(a.p[3], i, 0) + a.f[2] * w;
    const float m = a.f[4] * get(a.p[1], i, 0) + a.f[6] * g, v = a.f[5] * get(a.p[2], i, 0) + a.f[7] * g * g;
    put(a.p[1], i, 0, m);
    put(a.p[2], i, 0, v);
    put(a.p[0], i, 0, (w - a.f[3] * w) - a.f[0] * m / (sqrtf(v) * a.f[1] + a.f[8]));
}
