// Resize, crop, normalise and transpose of RGB uint8 images in one pass: the CUDA form of the op.
//
// One source, two builds: NVRTC makes PTX of it, a host C++ compiler an emulation that runs the threads of
// a block one after another between barriers. README.md in this folder explains the design; launch.rs and
// table.rs of ../src/cuda are the other side of the structs below.
//
// Every weight has 22 fraction bits and is three bytes: w = b0 + 256 b1 + 65536 b2, b0 and b1 unsigned, b2
// signed. Four taps are one dp4a per byte. Sums are taken modulo 2^32; the host only sends sizes whose true
// sums fit into 32 bits, so the result is that of the unbounded sum.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

struct alignas(16) Vector { u32 x, y, z, w; };

enum { THREADS = 256, MAX_IMAGES = 120, PRECISION = 22, HALF = 1 << (PRECISION - 1), SPAN = 8 };

#ifdef __CUDACC__
#define DEVICE static __device__ __forceinline__
#define EACH_THREAD for (int thread = threadIdx.x, once = 1; once; once = 0)
#define BARRIER() __syncthreads()
#define UNROLL _Pragma("unroll")

DEVICE u32 dp4a(u32 pixels, u32 weights, u32 sum) {
    u32 result;
    asm("dp4a.u32.u32 %0, %1, %2, %3;" : "=r"(result) : "r"(pixels), "r"(weights), "r"(sum));
    return result;
}

DEVICE u32 dp4a_signed(u32 pixels, u32 weights, u32 sum) {
    u32 result;
    asm("dp4a.u32.s32 %0, %1, %2, %3;" : "=r"(result) : "r"(pixels), "r"(weights), "r"(sum));
    return result;
}

DEVICE u32 permute(u32 low, u32 high, u32 selector) { return __byte_perm(low, high, selector); }
DEVICE u32 funnel(u32 low, u32 high, u32 bits) { return __funnelshift_r(low, high, bits); }
#else
#define DEVICE static inline
#ifdef REVERSED
#define EACH_THREAD for (int thread = THREADS - 1; thread >= 0; thread--)
#else
#define EACH_THREAD for (int thread = 0; thread < THREADS; thread++)
#endif
#define BARRIER() (void)0
#define UNROLL

DEVICE u32 byte_of(u32 word, int index) { return word >> (8 * index) & 255; }

DEVICE u32 dp4a(u32 pixels, u32 weights, u32 sum) {
    for (int i = 0; i < 4; i++) sum += byte_of(pixels, i) * byte_of(weights, i);
    return sum;
}

DEVICE u32 dp4a_signed(u32 pixels, u32 weights, u32 sum) {
    for (int i = 0; i < 4; i++) sum += byte_of(pixels, i) * (u32)(int)(signed char)byte_of(weights, i);
    return sum;
}

DEVICE u32 permute(u32 low, u32 high, u32 selector) {
    const u64 bytes = (u64)high << 32 | low;
    u32 result = 0;
    for (int i = 0; i < 4; i++) result |= (u32)(bytes >> (8 * (selector >> (4 * i) & 7)) & 255) << (8 * i);
    return result;
}

DEVICE u32 funnel(u32 low, u32 high, u32 bits) { return (u32)(((u64)high << 32 | low) >> (bits & 31)); }
#endif

// One axis of an image. Behind the header lie `length` windows, the spans of every SPAN positions, and the
// weights: for each tap group and each of the three bytes, one word for each position.
struct Axis {
    int length;  // output positions
    int input;   // pixels of the image along the axis
    int first;   // the pixel that group 0 begins with; columns have no groups: 0
    int reserved;
};

// Columns: first pixel, tap groups of four. Rows: first row group, row groups. No groups: value 0.
struct Window { int start, groups; };

// Columns: pixels. Rows: row groups. Empty where nothing is read.
struct Span { int first, end; };

struct Image {
    u64 offset;  // of its pixels in bytes
    const Axis* columns;
    const Axis* rows;
    u32 vertical_first;
    u32 reserved;
};

// The only kernel parameter, 4 KB at most.
struct Call {
    const u8* pixels;
    u8* output;
    const u32* values;  // for each output channel and pixel value the bits of the element
    u64 stride;         // bytes from image to image of a batch; 0 where `images` holds each
    u64 first_image;    // index in the output of the first image of this launch
    int tile_rows, tile_columns, column_tiles;
    int chunk_groups;   // row groups of a chunk
    int stage_pitch;    // bytes of a staged row; 0: nothing is staged
    int piece;          // pixels of a piece of the columns, vertical pass first
    int element_size;   // 4, 2 or 1
    int channels_last;
    int channels[3];    // the input channel of each output channel
    int reserved;
    Image images[MAX_IMAGES];
};

DEVICE const Window* windows_of(const Axis* axis) { return (const Window*)(axis + 1); }
DEVICE const Span* spans_of(const Axis* axis) { return (const Span*)(windows_of(axis) + axis->length); }
DEVICE const u32* weights_of(const Axis* axis) {
    return (const u32*)(spans_of(axis) + (axis->length + SPAN - 1) / SPAN);
}

DEVICE int least(int a, int b) { return a < b ? a : b; }
DEVICE int most(int a, int b) { return a > b ? a : b; }

DEVICE u32 clamp(u32 sum) {
    const int value = (int)sum >> PRECISION;
    return (u32)least(most(value, 0), 255);
}

DEVICE u32 combine(u32 low, u32 middle, u32 high) { return low + (middle << 8) + (high << 16); }

// What positions `from` to `to` read; `from` is a multiple of SPAN.
DEVICE Span span_between(const Axis* axis, int from, int to) {
    const Span* spans = spans_of(axis);
    Span all = {0, 0};
    for (int index = from / SPAN; index * SPAN < to; index++) {
        const Span next = spans[index];
        if (next.first == next.end) continue;
        if (all.first == all.end) all = next;
        all.first = least(all.first, next.first);
        all.end = most(all.end, next.end);
    }
    return all;
}

// A tile of the output of one image, and what it is made from.
struct Tile {
    const u8* pixels;
    const Axis* columns;
    const Axis* rows;
    int row, rows_here, column, columns_here;
    Span pixels_read, groups_read;
    u64 pitch;  // bytes of an image row
};

DEVICE const u8* row_of(const Tile& tile, int row) {
    return tile.pixels + tile.pitch * (u64)least(row, tile.rows->input - 1);
}

// Copies rows of the image into shared memory at the same address modulo 16.
DEVICE void stage_rows(const Tile& tile, int row, int count, int pitch, u8* stage, int thread) {
    const int length = (tile.pixels_read.end - tile.pixels_read.first) * 3;
    const int vectors = (length + 30) / 16;
    for (int index = thread; index < count * vectors; index += THREADS) {
        const int slot = index / vectors, vector = index % vectors;
        const u8* from = row_of(tile, row + slot) + (u64)tile.pixels_read.first * 3;
        const int shift = (int)((u64)from & 15);
        u8* to = stage + slot * pitch;
        const int begin = vector * 16 - shift;
        if (begin >= 0 && begin + 16 <= length) {
            *(Vector*)(to + vector * 16) = *(const Vector*)(from + begin);
        } else {
            for (int at = most(begin, 0); at < least(begin + 16, length); at++) to[at + shift] = from[at];
        }
    }
}

// The next twelve bytes of a row: in shared memory as whole words, else byte by byte up to the row's end.
template <bool STAGED>
struct Reader {
    const u32* words;
    const u8* bytes;
    u32 current, shift;
    int left;

    DEVICE Reader open(const u8* at, int left) {
        Reader reader;
        reader.bytes = at;
        reader.left = left;
        reader.shift = (u32)((u64)at & 3) * 8;
        reader.words = (const u32*)(at - ((u64)at & 3));
        reader.current = STAGED ? reader.words[0] : 0;
        return reader;
    }

    DEVICE u32 word(const Reader& reader, int at) {
        u32 word = 0;
        for (int i = 0; i < 4; i++)
            if (at + i < reader.left) word |= (u32)reader.bytes[at + i] << (8 * i);
        return word;
    }

    DEVICE void next(Reader& reader, u32 (&out)[3]) {
        if (STAGED) {
            const u32 a = reader.words[1], b = reader.words[2], c = reader.words[3];
            out[0] = funnel(reader.current, a, reader.shift);
            out[1] = funnel(a, b, reader.shift);
            out[2] = funnel(b, c, reader.shift);
            reader.current = c;
            reader.words += 3;
        } else {
            for (int i = 0; i < 3; i++) out[i] = word(reader, 4 * i);
            reader.bytes += 12;
            reader.left -= 12;
        }
    }
};

// The horizontal pass over a chunk: for each group of four rows, column and channel one word of four values.
template <bool STAGED>
DEVICE void weigh_columns(const Tile& tile, int row, int groups, int pitch, const u8* stage, u32* middle,
                          int thread) {
    const Window* windows = windows_of(tile.columns);
    const int length = tile.columns->length;
    const int width = tile.columns_here;
    for (int index = thread; index < groups * width; index += THREADS) {
        const int group = index / width, column = index % width;
        const Window window = windows[tile.column + column];
        const u32* weights = weights_of(tile.columns) + tile.column + column;
        u32 words[3] = {};
        // Two rows at a time: four rows need more than the 64 registers of four blocks a multiprocessor.
        for (int pair = 0; pair < 4; pair += 2) {
            Reader<STAGED> readers[2];
            UNROLL
            for (int r = 0; r < 2; r++) {
                const int slot = group * 4 + pair + r;
                const u8* from = row_of(tile, row + slot);
                if (STAGED) {
                    const int shift = (int)((u64)(from + (u64)tile.pixels_read.first * 3) & 15);
                    // A column without taps begins nowhere in particular.
                    const int at = window.groups ? (window.start - tile.pixels_read.first) * 3 : 0;
                    readers[r] = Reader<STAGED>::open(stage + slot * pitch + shift + at, 0);
                } else {
                    const int left = (tile.columns->input - window.start) * 3;
                    readers[r] = Reader<STAGED>::open(from + (u64)window.start * 3, left);
                }
            }
            u32 sums[2][3][3] = {};
            const u32* of = weights;
            for (int k = 0; k < window.groups; k++) {
                const u32 low = of[0], mid = of[length], high = of[2 * (u64)length];
                of += 3 * (u64)length;
                UNROLL
                for (int r = 0; r < 2; r++) {
                    u32 next[3];
                    Reader<STAGED>::next(readers[r], next);
                    const u32 channels[3] = {
                        permute(permute(next[0], next[1], 0x0630), next[2], 0x5210),
                        permute(permute(next[0], next[1], 0x0741), next[2], 0x6210),
                        permute(permute(next[0], next[1], 0x0052), next[2], 0x7410),
                    };
                    UNROLL
                    for (int c = 0; c < 3; c++) {
                        sums[r][c][0] = dp4a(channels[c], low, sums[r][c][0]);
                        sums[r][c][1] = dp4a(channels[c], mid, sums[r][c][1]);
                        sums[r][c][2] = dp4a_signed(channels[c], high, sums[r][c][2]);
                    }
                }
            }
            UNROLL
            for (int c = 0; c < 3; c++) {
                UNROLL
                for (int r = 0; r < 2; r++) {
                    const u32 sum = HALF + combine(sums[r][c][0], sums[r][c][1], sums[r][c][2]);
                    words[c] |= clamp(sum) << (8 * (pair + r));
                }
            }
        }
        UNROLL
        for (int c = 0; c < 3; c++) middle[(group * 3 + c) * width + column] = words[c];
    }
}

// Packs unweighted rows of the image as `weigh_columns` leaves its results, bytes in the image's order.
DEVICE void pack_rows(const Tile& tile, int row, int groups, int from, int width, u32* middle, int thread) {
    for (int index = thread; index < groups * width; index += THREADS) {
        const int group = index / width, at = index % width;
        u32 word = 0;
        UNROLL
        for (int r = 0; r < 4; r++)
            word |= (u32)row_of(tile, row + group * 4 + r)[(u64)from * 3 + at] << (8 * r);
        middle[group * width + at] = word;
    }
}

// The vertical pass over a chunk: adds what groups `chunk` to `chunk + groups` give to output rows
// `from` to `to` of the tile.
DEVICE void weigh_rows(const Tile& tile, int chunk, int groups, int from, int to, int width, const u32* middle,
                       u32* sums, int thread) {
    const Window* windows = windows_of(tile.rows) + tile.row;
    const u32* weights = weights_of(tile.rows) + tile.row;
    const u64 length = (u64)tile.rows->length;
    for (int index = from * width + thread; index < to * width; index += THREADS) {
        const int row = index / width, at = index % width;
        const Window window = windows[row];
        const int begin = most(window.start, chunk);
        const int end = least(window.start + window.groups, chunk + groups);
        u32 low = 0, mid = 0, high = 0;
        for (int group = begin; group < end; group++) {
            const u32 word = middle[(group - chunk) * width + at];
            const u32* of = weights + (u64)(group - window.start) * 3 * length + row;
            low = dp4a(word, of[0], low);
            mid = dp4a(word, of[length], mid);
            high = dp4a_signed(word, of[2 * length], high);
        }
        sums[index] += combine(low, mid, high);
    }
}

DEVICE void fill(u32* sums, int count, int thread) {
    for (int index = thread; index < count; index += THREADS) sums[index] = HALF;
}

// Writes the tile from its sums, [row][channel][column] or, `interleaved`, [row][column][channel].
DEVICE void finish(const Call& call, const Tile& tile, u64 image, const u32* values, const u32* sums,
                   bool interleaved, int thread) {
    const int width = tile.columns_here;
    const int line = width * 3;
    const u64 height_all = (u64)tile.rows->length, width_all = (u64)tile.columns->length;
    for (int index = thread; index < tile.rows_here * line; index += THREADS) {
        const int row = index / line, at = index % line;
        const int out = call.channels_last ? at % 3 : at / width;
        const int column = call.channels_last ? at / 3 : at % width;
        // Selected by comparison: an index would put the parameter into local memory.
        const int channel = out == 0 ? call.channels[0] : out == 1 ? call.channels[1] : call.channels[2];
        const int from = interleaved ? column * 3 + channel : channel * width + column;
        const u32 bits = values[out * 256 + clamp(sums[row * line + from])];
        const u64 y = (u64)(tile.row + row), x = (u64)(tile.column + column);
        const u64 to = call.channels_last ? ((image * height_all + y) * width_all + x) * 3 + (u64)out
                                          : ((image * 3 + (u64)out) * height_all + y) * width_all + x;
        if (call.element_size == 4) ((u32*)call.output)[to] = bits;
        else if (call.element_size == 2) ((u16*)call.output)[to] = (u16)bits;
        else call.output[to] = (u8)bits;
    }
}

// Which output rows of the tile a chunk can reach: both ends only move forward.
struct Reach {
    int from, to;

    DEVICE void advance(Reach& reach, const Tile& tile, int chunk, int groups) {
        const Window* windows = windows_of(tile.rows) + tile.row;
        while (reach.from < tile.rows_here
               && windows[reach.from].start + windows[reach.from].groups <= chunk) reach.from++;
        reach.to = most(reach.to, reach.from);
        while (reach.to < tile.rows_here && windows[reach.to].start < chunk + groups) reach.to++;
    }
};

DEVICE void horizontal_first(const Call& call, const Tile& tile, u64 image, const u32* values, u8* memory) {
    const int line = tile.columns_here * 3;
    u32* sums = (u32*)memory;
    u32* middle = sums + call.tile_rows * call.tile_columns * 3;
    u8* stage = (u8*)(middle + call.chunk_groups * call.tile_columns * 3);
    stage += -(u64)stage & 15;
    const int needed = (tile.pixels_read.end - tile.pixels_read.first) * 3 + 32;
    const bool staged = needed <= call.stage_pitch;
    EACH_THREAD fill(sums, tile.rows_here * line, thread);
    BARRIER();
    Reach reach = {0, 0};
    for (int chunk = tile.groups_read.first; chunk < tile.groups_read.end; chunk += call.chunk_groups) {
        const int groups = least(call.chunk_groups, tile.groups_read.end - chunk);
        const int row = tile.rows->first + chunk * 4;
        if (staged) {
            EACH_THREAD stage_rows(tile, row, groups * 4, call.stage_pitch, stage, thread);
            BARRIER();
            EACH_THREAD weigh_columns<true>(tile, row, groups, call.stage_pitch, stage, middle, thread);
        } else {
            EACH_THREAD weigh_columns<false>(tile, row, groups, 0, stage, middle, thread);
        }
        BARRIER();
        Reach::advance(reach, tile, chunk, groups);
        EACH_THREAD weigh_rows(tile, chunk, groups, reach.from, reach.to, line, middle, sums, thread);
        BARRIER();
    }
    EACH_THREAD finish(call, tile, image, values, sums, false, thread);
}

// The horizontal pass over finished rows of the pixels `from` to `to`; windows may reach beyond both.
DEVICE void weigh_piece(const Tile& tile, int from, int to, int pitch, const u8* rows, u32* sums, int thread) {
    const Window* windows = windows_of(tile.columns) + tile.column;
    const int length = tile.columns->length;
    const int width = tile.columns_here;
    for (int index = thread; index < tile.rows_here * width; index += THREADS) {
        const int row = index / width, column = index % width;
        const Window window = windows[column];
        const u32* weights = weights_of(tile.columns) + tile.column + column;
        const int begin = most(window.start, from);
        const int end = (int)(((long long)window.start + window.groups * 4LL) < to
                                  ? window.start + window.groups * 4 : to);
        u32 red = 0, green = 0, blue = 0;
        for (int pixel = begin; pixel < end; pixel++) {
            const int tap = pixel - window.start, bits = (tap & 3) * 8;
            const u32* of = weights + (u64)(tap >> 2) * 3 * (u64)length;
            const u32 weight = combine(of[0] >> bits & 255, of[length] >> bits & 255,
                                       of[2 * (u64)length] >> bits & 255);
            // The third byte's sign.
            const u32 signed_weight = (weight ^ 0x800000u) - 0x800000u;
            const u8* at = rows + row * pitch + (pixel - from) * 3;
            red += signed_weight * at[0];
            green += signed_weight * at[1];
            blue += signed_weight * at[2];
        }
        u32* sum = sums + index * 3;
        sum[0] += red;
        sum[1] += green;
        sum[2] += blue;
    }
}

DEVICE void vertical_first(const Call& call, const Tile& tile, u64 image, const u32* values, u8* memory) {
    u32* sums = (u32*)memory;
    u32* piece_sums = sums + call.tile_rows * call.tile_columns * 3;
    u32* middle = piece_sums + call.tile_rows * call.piece * 3;
    u8* rows = (u8*)(middle + call.chunk_groups * call.piece * 3);
    EACH_THREAD fill(sums, tile.rows_here * tile.columns_here * 3, thread);
    for (int from = tile.pixels_read.first; from < tile.pixels_read.end; from += call.piece) {
        const int to = least(from + call.piece, tile.pixels_read.end);
        const int line = (to - from) * 3;
        EACH_THREAD fill(piece_sums, tile.rows_here * line, thread);
        Reach reach = {0, 0};
        for (int chunk = tile.groups_read.first; chunk < tile.groups_read.end; chunk += call.chunk_groups) {
            const int groups = least(call.chunk_groups, tile.groups_read.end - chunk);
            EACH_THREAD pack_rows(tile, tile.rows->first + chunk * 4, groups, from, line, middle, thread);
            BARRIER();
            Reach::advance(reach, tile, chunk, groups);
            EACH_THREAD weigh_rows(tile, chunk, groups, reach.from, reach.to, line, middle, piece_sums, thread);
            BARRIER();
        }
        // Without a chunk nothing has waited for `fill` yet.
        BARRIER();
        EACH_THREAD for (int index = thread; index < tile.rows_here * line; index += THREADS)
            rows[index] = (u8)clamp(piece_sums[index]);
        BARRIER();
        EACH_THREAD weigh_piece(tile, from, to, line, rows, sums, thread);
        BARRIER();
    }
    BARRIER();
    EACH_THREAD finish(call, tile, image, values, sums, true, thread);
}

// One block: tile `tile_index` of image `image_index` of the launch. `memory` is aligned to 16 bytes.
DEVICE void block(const Call& call, int tile_index, int image_index, u8* memory) {
    const bool batch = call.stride != 0;
    const Image& image = call.images[batch ? 0 : image_index];
    Tile tile;
    tile.columns = image.columns;
    tile.rows = image.rows;
    tile.pixels = call.pixels + image.offset + (batch ? call.stride * (u64)image_index : 0);
    tile.pitch = (u64)tile.columns->input * 3;
    tile.column = tile_index % call.column_tiles * call.tile_columns;
    tile.row = tile_index / call.column_tiles * call.tile_rows;
    tile.columns_here = least(call.tile_columns, tile.columns->length - tile.column);
    tile.rows_here = least(call.tile_rows, tile.rows->length - tile.row);
    tile.pixels_read = span_between(tile.columns, tile.column, tile.column + tile.columns_here);
    tile.groups_read = span_between(tile.rows, tile.row, tile.row + tile.rows_here);
    u32* values = (u32*)memory;
    EACH_THREAD for (int index = thread; index < 768; index += THREADS) values[index] = call.values[index];
    // The barriers of the passes come before the first use of `values`.
    u8* rest = memory + 768 * sizeof(u32);
    const u64 index = call.first_image + (u64)image_index;
    if (image.vertical_first) vertical_first(call, tile, index, values, rest);
    else horizontal_first(call, tile, index, values, rest);
}

static_assert(sizeof(Image) == 32 && sizeof(Call) <= 4096 && sizeof(Axis) == 16, "known to launch.rs and table.rs");

#ifdef __CUDACC__
extern "C" __global__ void __launch_bounds__(THREADS, 4) preprocess(const __grid_constant__ Call call) {
    extern __shared__ Vector memory[];
    block(call, (int)blockIdx.x, (int)blockIdx.y, (u8*)memory);
}
#else
// What a launch of `tiles` x `images` blocks with `memory` as shared memory leaves.
extern "C" void preprocess_emulated(const void* call, u32 tiles, u32 images, u8* memory) {
    for (u32 image = 0; image < images; image++)
        for (u32 tile = 0; tile < tiles; tile++) block(*(const Call*)call, (int)tile, (int)image, memory);
}
#endif
