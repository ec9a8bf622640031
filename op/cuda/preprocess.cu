// The CUDA form of the op, in five kernels:
//   preprocess  a resize by windows, two passes, and what follows: crop or canvas, values, form of the tensor
//   sample      the same of a resize that reads two rows and two columns: OpenCV's linear and nearest, and no resize
//   place       pixel format, turn, gray and canvas: bytes to bytes
//   mask        which pixels of a canvas are image
//   store       a few numbers of the host
//
// One source, two builds: NVRTC makes PTX of it, a host C++ compiler an emulation that runs the threads of
// a block one after another between barriers. README.md in this folder explains the design; `calls` and `tables` of
// ../src/cuda are the other side of the structs below.
//
// Every weight has 22 fraction bits and is three bytes: w = b0 + 256 b1 + 65536 b2, b0 and b1 unsigned, b2
// signed. Four taps are one dp4a per byte. Sums are taken modulo 2^32; the host only sends sizes whose true
// sums fit into 32 bits, so the result is that of the unbounded sum.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

struct alignas(16) Vector { u32 x, y, z, w; };

enum { THREADS = 256, MAX_IMAGES = 64, PRECISION = 22, HALF = 1 << (PRECISION - 1), SPAN = 8 };

#ifdef __CUDACC__
#define DEVICE static __device__ __forceinline__
#define EACH_THREAD for (int thread = threadIdx.x, once = 1; once; once = 0)
#define BARRIER() __syncthreads()
#define UNROLL _Pragma("unroll")
#define ROLLED _Pragma("unroll 1")

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
#define ROLLED

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

// An image, its resized part that the canvas shows, and the canvas.
struct Image {
    u64 from;  // of its pixels, in bytes
    u64 to;    // of what becomes of it, in elements
    // None where nothing of the image is on the canvas.
    const Axis* columns;
    const Axis* rows;
    int height, width;  // of the canvas
    int top, left;      // where the part begins on it
    u32 vertical_first;
    int tiles;          // that the part is cut into
};

// What becomes of pixels.
struct Form {
    const u32* values;  // for each output channel and pixel value the bits of the element; none: the pixel
    u64 used, all;      // elements of an image: what its canvas makes, and with the zeros behind that
    u32 around[3];      // the bits of each output channel around the image
    int outputs;        // 3 or 1
    int channels[3];    // the input channel of each output channel
    int element_size;   // 4, 2 or 1
    int channels_last;
    int merge;          // of blocks: the edge of a group; 0: not cut into blocks
    int block_height, block_width;
    int repeat;         // how often a block has each channel
    int reserved;
};

// The only parameter of `preprocess` and `sample`, 4 KB at most.
struct Call {
    const u8* pixels;
    u8* output;
    u64 from_stride, to_stride;  // from image to image of a batch
    Form form;
    int batch;          // all images are as images[0]
    int tiles;          // of the largest image; the blocks behind them fill canvases
    int tile_rows, tile_columns;
    int chunk_groups;   // row groups of a chunk
    int stage_pitch;    // bytes of a staged row; 0: nothing is staged
    int piece;          // pixels of a piece of the columns, vertical pass first
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

DEVICE const Image& image_of(const Call& call, int image_index) { return call.images[call.batch ? 0 : image_index]; }

// The first element of what becomes of an image.
DEVICE u64 base_of(const Call& call, const Image& image, int image_index) {
    return image.to + (call.batch ? call.to_stride * (u64)image_index : 0);
}

// Writes the bits of output channel `out` of a pixel of the canvas; `base` is the first element of the image.
DEVICE void put(const Call& call, const Image& image, u64 base, int y, int x, int out, u32 bits) {
    const Form& form = call.form;
    u64 to = base, again = 0;
    if (form.merge == 0) {
        const u64 pixel = (u64)y * (u64)image.width + (u64)x;
        to += form.channels_last ? pixel * (u64)form.outputs + (u64)out
                                 : (u64)out * (u64)image.height * (u64)image.width + pixel;
    } else {
        const int down = y / form.block_height, across = x / form.block_width;
        const u64 groups = (u64)(image.width / (form.block_width * form.merge));
        const u64 group = (u64)(down / form.merge) * groups + (u64)(across / form.merge);
        const u64 block = (group * (u64)form.merge + (u64)(down % form.merge)) * (u64)form.merge
                          + (u64)(across % form.merge);
        const u64 size = (u64)form.block_height * (u64)form.block_width;
        const u64 pixel = (u64)(y % form.block_height) * (u64)form.block_width + (u64)(x % form.block_width);
        to += block * size * (u64)form.repeat * (u64)form.outputs;
        to += form.channels_last ? pixel * (u64)form.outputs + (u64)out : (u64)out * (u64)form.repeat * size + pixel;
        again = form.channels_last ? size * (u64)form.outputs : size;
    }
    ROLLED
    for (int turn = 0; turn < (form.merge == 0 ? 1 : form.repeat); turn++, to += again) {
        if (form.element_size == 4) ((u32*)call.output)[to] = bits;
        else if (form.element_size == 2) ((u16*)call.output)[to] = (u16)bits;
        else call.output[to] = (u8)bits;
    }
}

// Selected by comparison: an index would put the parameter into local memory.
DEVICE int channel_of(const Form& form, int out) {
    return out == 0 ? form.channels[0] : out == 1 ? form.channels[1] : form.channels[2];
}

DEVICE u32 bits_of(const Form& form, const u32* values, int out, u32 pixel) {
    return form.values ? values[out * 256 + pixel] : pixel;
}

// Writes the tile from its sums, [row][channel][column] or, `interleaved`, [row][column][channel].
DEVICE void finish(const Call& call, int image_index, const Tile& tile, const u32* values, const u32* sums,
                   bool interleaved, int thread) {
    // Looked up again: what is kept through the passes costs registers.
    const Image& image = image_of(call, image_index);
    const u64 base = base_of(call, image, image_index);
    const int width = tile.columns_here;
    const int outputs = call.form.outputs, line = width * outputs;
    ROLLED
    for (int index = thread; index < tile.rows_here * line; index += THREADS) {
        const int row = index / line, at = index % line;
        const int out = call.form.channels_last ? at % outputs : at / width;
        const int column = call.form.channels_last ? at / outputs : at % width;
        const int channel = channel_of(call.form, out);
        const int from = interleaved ? column * 3 + channel : channel * width + column;
        const u32 bits = bits_of(call.form, values, out, clamp(sums[row * width * 3 + from]));
        put(call, image, base, image.top + tile.row + row, image.left + tile.column + column, out, bits);
    }
}

// What lies around the image on its canvas, and behind the canvas: every `step`th row, from row `first` on.
DEVICE void fill_around(const Call& call, const Image& image, u64 base, int first, int step, int thread) {
    const int height = image.rows ? image.rows->length : 0, width = image.columns ? image.columns->length : 0;
    ROLLED
    for (int y = first; y < image.height; y += step) {
        const bool row_inside = y >= image.top && y < image.top + height;
        ROLLED
        for (int x = thread; x < image.width; x += THREADS) {
            if (row_inside && x >= image.left && x < image.left + width) continue;
            ROLLED
            for (int out = 0; out < call.form.outputs; out++) {
                const u32 bits = out == 0 ? call.form.around[0] : out == 1 ? call.form.around[1] : call.form.around[2];
                put(call, image, base, y, x, out, bits);
            }
        }
    }
    ROLLED
    for (u64 at = call.form.used + (u64)first * THREADS + (u64)thread; at < call.form.all; at += (u64)step * THREADS) {
        if (call.form.element_size == 4) ((u32*)call.output)[base + at] = 0;
        else if (call.form.element_size == 2) ((u16*)call.output)[base + at] = 0;
        else call.output[base + at] = 0;
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

DEVICE void horizontal_first(const Call& call, int image_index, const Tile& tile, const u32* values, u8* memory) {
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
    EACH_THREAD finish(call, image_index, tile, values, sums, false, thread);
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

DEVICE void vertical_first(const Call& call, int image_index, const Tile& tile, const u32* values, u8* memory) {
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
    EACH_THREAD finish(call, image_index, tile, values, sums, true, thread);
}

// A tile that an image has. A check in here instead of before it makes the registers of `preprocess` too few.
DEVICE void tile_of(const Call& call, const Image& image, int tile_index, int image_index, Tile& tile) {
    tile.columns = image.columns;
    tile.rows = image.rows;
    tile.pixels = call.pixels + image.from + (call.batch ? call.from_stride * (u64)image_index : 0);
    tile.pitch = (u64)tile.columns->input * 3;
    const int column_tiles = (tile.columns->length + call.tile_columns - 1) / call.tile_columns;
    tile.column = tile_index % column_tiles * call.tile_columns;
    tile.row = tile_index / column_tiles * call.tile_rows;
    tile.columns_here = least(call.tile_columns, tile.columns->length - tile.column);
    tile.rows_here = least(call.tile_rows, tile.rows->length - tile.row);
}

DEVICE void load_values(const Call& call, u32* values, int thread) {
    if (call.form.values)
        for (int index = thread; index < 256 * call.form.outputs; index += THREADS) values[index] = call.form.values[index];
}

// One block of `blocks`: tile `index` of image `image_index` of the launch, or a part of what lies around it. `memory`
// is aligned to 16 bytes.
DEVICE void preprocess_block(const Call& call, int index, int blocks, int image_index, u8* memory) {
    const Image& image = image_of(call, image_index);
    if (index >= call.tiles) {
        const u64 base = base_of(call, image, image_index);
        EACH_THREAD fill_around(call, image, base, index - call.tiles, blocks - call.tiles, thread);
        return;
    }
    if (index >= image.tiles) return;
    Tile tile;
    tile_of(call, image, index, image_index, tile);
    tile.pixels_read = span_between(tile.columns, tile.column, tile.column + tile.columns_here);
    tile.groups_read = span_between(tile.rows, tile.row, tile.row + tile.rows_here);
    u32* values = (u32*)memory;
    EACH_THREAD load_values(call, values, thread);
    // The barriers of the passes come before the first use of `values`.
    u8* rest = memory + 768 * sizeof(u32);
    if (image.vertical_first) vertical_first(call, image_index, tile, values, rest);
    else horizontal_first(call, image_index, tile, values, rest);
}

// Two source positions and their 11-bit weights. An axis of these has its `length` behind the header.
struct Pair { int first, second, a, b; };

DEVICE const Pair* pairs_of(const Axis* axis) { return (const Pair*)(axis + 1); }

// As `preprocess_block`, for axes of pairs: rounded between the passes as cv2.resize rounds.
DEVICE void sample_block(const Call& call, int index, int blocks, int image_index, u8* memory) {
    const Image& image = image_of(call, image_index);
    const u64 base = base_of(call, image, image_index);
    if (index >= call.tiles) {
        EACH_THREAD fill_around(call, image, base, index - call.tiles, blocks - call.tiles, thread);
        return;
    }
    if (index >= image.tiles) return;
    Tile tile;
    tile_of(call, image, index, image_index, tile);
    u32* values = (u32*)memory;
    EACH_THREAD load_values(call, values, thread);
    BARRIER();
    EACH_THREAD for (int at = thread; at < tile.rows_here * tile.columns_here; at += THREADS) {
        const int row = at / tile.columns_here, column = at % tile.columns_here;
        const Pair down = pairs_of(tile.rows)[tile.row + row], across = pairs_of(tile.columns)[tile.column + column];
        const u8* top = tile.pixels + tile.pitch * (u64)down.first;
        const u8* bottom = tile.pixels + tile.pitch * (u64)down.second;
        const u64 left = (u64)across.first * 3, right = (u64)across.second * 3;
        ROLLED
        for (int out = 0; out < call.form.outputs; out++) {
            const int channel = channel_of(call.form, out);
            const int upper = top[left + channel] * across.a + top[right + channel] * across.b;
            const int lower = bottom[left + channel] * across.a + bottom[right + channel] * across.b;
            const int sum = ((down.a * (upper >> 4)) >> 16) + ((down.b * (lower >> 4)) >> 16);
            const u32 bits = bits_of(call.form, values, out, (u32)((sum + 2) >> 2) & 255);
            put(call, image, base, image.top + tile.row + row, image.left + tile.column + column, out, bits);
        }
    }
}

// The pixel formats of a source, gray rules and mirrors, as the host numbers them.
enum { RGB, BGR, GRAY, RGBA, RGBA_OVER, NV12, I420 };
enum { NO_GRAY, GRAY_PILLOW, GRAY_OPENCV, GRAY_TORCHVISION };
enum { NO_MIRROR, REFLECT, SYMMETRIC, EDGE };

struct PlacedImage {
    u64 from, to;       // in bytes
    int rows, columns;  // height and width of the image as it is handed over
    int top, left;      // the first row and column of the (turned) image on the canvas; negative: what is around comes first
    int height, width;  // of the canvas
    int turned;
    int reserved;
};

// The only parameter of `place`, which writes three bytes a pixel.
struct PlaceCall {
    const u8* pixels;
    u8* output;
    u64 from_stride, to_stride;
    int batch, format, gray, mirror;
    u8 around[4];
    u8 over[4];
    int offset, luma, blue_cb, green_cb, green_cr, red_cr;  // of YCbCr, 20 fraction bits
    PlacedImage images[MAX_IMAGES];
};

struct Color { u32 red, green, blue; };

// PIL.Image.alpha_composite over an opaque value.
DEVICE u32 composite(u32 value, u32 alpha, u32 over) {
    if (alpha == 0) return over;
    const u32 first = alpha * 128, second = 255 * 128 - first;
    const u32 sum = value * first + over * second + (0x80 << 7);
    return (((sum >> 8) + sum) >> 8) >> 7;
}

DEVICE u32 from_chroma(int luma, int chroma) {
    return (u32)least(most((luma + chroma + (1 << 19)) >> 20, 0), 255);
}

DEVICE Color ycbcr(const PlaceCall& call, int luma, int cb, int cr) {
    const int scaled = most(luma - call.offset, 0) * call.luma;
    cb -= 128;
    cr -= 128;
    const Color color = {from_chroma(scaled, call.red_cr * cr),
                         from_chroma(scaled, call.green_cb * cb + call.green_cr * cr),
                         from_chroma(scaled, call.blue_cb * cb)};
    return color;
}

// The pixel of the source as it is handed over.
DEVICE Color pixel_of(const PlaceCall& call, const PlacedImage& image, const u8* pixels, int row, int column) {
    const u64 width = (u64)image.columns, at = (u64)row * width + (u64)column;
    Color color = {0, 0, 0};
    if (call.format == RGB || call.format == BGR) {
        const u8* pixel = pixels + at * 3;
        const u32 first = pixel[0], last = pixel[2];
        color.red = call.format == RGB ? first : last;
        color.green = pixel[1];
        color.blue = call.format == RGB ? last : first;
    } else if (call.format == GRAY) {
        color.red = color.green = color.blue = pixels[at];
    } else if (call.format == RGBA || call.format == RGBA_OVER) {
        const u8* pixel = pixels + at * 4;
        const u32 alpha = call.format == RGBA ? 255 : pixel[3];
        color.red = composite(pixel[0], alpha, call.over[0]);
        color.green = composite(pixel[1], alpha, call.over[1]);
        color.blue = composite(pixel[2], alpha, call.over[2]);
    } else {
        const u64 luma = (u64)image.rows * width, half = width / 2;
        const u64 chroma = (u64)(row / 2) * half + (u64)(column / 2);
        const u64 plane = (u64)(image.rows / 2) * half;
        const u64 cb = call.format == NV12 ? luma + chroma * 2 : luma + chroma;
        const u64 cr = call.format == NV12 ? cb + 1 : cb + plane;
        color = ycbcr(call, pixels[at], pixels[cb], pixels[cr]);
    }
    return color;
}

DEVICE Color grayed(const PlaceCall& call, Color color) {
    u32 gray;
    if (call.gray == NO_GRAY) return color;
    if (call.gray == GRAY_PILLOW) gray = (19595 * color.red + 38470 * color.green + 7471 * color.blue + 32768) >> 16;
    else if (call.gray == GRAY_OPENCV) gray = (9798 * color.red + 19235 * color.green + 3735 * color.blue + 16384) >> 15;
    else gray = (u32)((float)color.red * 0.2989f + 0.587f * (float)color.green + 0.114f * (float)color.blue);
    const Color result = {gray, gray, gray};
    return result;
}

// The position inside an axis of `length` that stands for `at`; -1 for none.
DEVICE int mirrored(int mirror, int at, int length) {
    const int last = length - 1;
    if (at >= 0 && at <= last) return at;
    if (mirror == NO_MIRROR) return -1;
    if (mirror == REFLECT) at = at < 0 ? -at : 2 * last - at;
    if (mirror == SYMMETRIC) at = at < 0 ? -1 - at : 2 * last + 1 - at;
    return least(most(at, 0), last);
}

DEVICE void place_block(const PlaceCall& call, int index, int blocks, int image_index) {
    const PlacedImage& image = call.images[call.batch ? 0 : image_index];
    const u8* pixels = call.pixels + image.from + (call.batch ? call.from_stride * (u64)image_index : 0);
    u8* output = call.output + image.to + (call.batch ? call.to_stride * (u64)image_index : 0);
    const int rows = image.turned ? image.columns : image.rows, columns = image.turned ? image.rows : image.columns;
    for (int y = index; y < image.height; y += blocks) {
        const int row = mirrored(call.mirror, y + image.top, rows);
        EACH_THREAD for (int x = thread; x < image.width; x += THREADS) {
            const int column = mirrored(call.mirror, x + image.left, columns);
            Color color = {call.around[0], call.around[1], call.around[2]};
            if (row >= 0 && column >= 0) {
                // By 90 degrees clockwise.
                const int from_row = image.turned ? image.rows - 1 - column : row;
                const int from_column = image.turned ? row : column;
                color = grayed(call, pixel_of(call, image, pixels, from_row, from_column));
            }
            u8* to = output + ((u64)y * (u64)image.width + (u64)x) * 3;
            to[0] = (u8)color.red;
            to[1] = (u8)color.green;
            to[2] = (u8)color.blue;
        }
    }
}

struct Inner { int top, left, height, width; };

enum { MAX_INNERS = 240, MAX_STORED = 960 };

// The only parameter of `mask`.
struct MaskCall {
    long long* output;
    int height, width;
    int batch, reserved;
    Inner images[MAX_INNERS];
};

DEVICE void mask_block(const MaskCall& call, int index, int blocks, int image_index) {
    const Inner inner = call.images[call.batch ? 0 : image_index];
    for (int y = index; y < call.height; y += blocks) {
        const bool row_inside = y >= inner.top && y < inner.top + inner.height;
        long long* line = call.output + ((u64)image_index * (u64)call.height + (u64)y) * (u64)call.width;
        EACH_THREAD for (int x = thread; x < call.width; x += THREADS)
            line[x] = row_inside && x >= inner.left && x < inner.left + inner.width;
    }
}

// The only parameter of `store`: words that the host knows.
struct StoreCall {
    u32* output;
    int count, reserved;
    u32 words[MAX_STORED];
};

DEVICE void store_block(const StoreCall& call) {
    EACH_THREAD for (int index = thread; index < call.count; index += THREADS) call.output[index] = call.words[index];
}

static_assert(sizeof(Image) == 56 && sizeof(Form) == 80 && sizeof(Axis) == 16 && sizeof(Pair) == 16
                  && sizeof(PlacedImage) == 48, "known to the host");
static_assert(sizeof(Call) == 144 + 56 * MAX_IMAGES && sizeof(PlaceCall) == 80 + 48 * MAX_IMAGES
                  && sizeof(MaskCall) == 24 + 16 * MAX_INNERS && sizeof(StoreCall) == 16 + 4 * MAX_STORED,
              "known to the host");
static_assert(sizeof(Call) <= 4096 && sizeof(PlaceCall) <= 4096 && sizeof(MaskCall) <= 4096 && sizeof(StoreCall) <= 4096,
              "the limit of a kernel's parameters before CUDA 12.1");

#ifdef __CUDACC__
#define KERNEL(name, Parameter, ...)                                                             \
    extern "C" __global__ void __launch_bounds__(__VA_ARGS__) name(const __grid_constant__ Parameter call)

KERNEL(preprocess, Call, THREADS, 4) {
    extern __shared__ Vector memory[];
    preprocess_block(call, (int)blockIdx.x, (int)gridDim.x, (int)blockIdx.y, (u8*)memory);
}
KERNEL(sample, Call, THREADS) {
    extern __shared__ Vector memory[];
    sample_block(call, (int)blockIdx.x, (int)gridDim.x, (int)blockIdx.y, (u8*)memory);
}
KERNEL(place, PlaceCall, THREADS) { place_block(call, (int)blockIdx.x, (int)gridDim.x, (int)blockIdx.y); }
KERNEL(mask, MaskCall, THREADS) { mask_block(call, (int)blockIdx.x, (int)gridDim.x, (int)blockIdx.y); }
KERNEL(store, StoreCall, THREADS) { store_block(call); }
#else
// What a launch of `name` with `blocks` x `images` blocks and `memory` as shared memory leaves.
#define EMULATED(name, ...)                                                                      \
    extern "C" void name##_emulated(const void* call, int blocks, int images, u8* memory) {      \
        (void)memory;                                                                            \
        for (int image = 0; image < images; image++)                                             \
            for (int index = 0; index < blocks; index++) __VA_ARGS__;                            \
    }

EMULATED(preprocess, preprocess_block(*(const Call*)call, index, blocks, image, memory))
EMULATED(sample, sample_block(*(const Call*)call, index, blocks, image, memory))
EMULATED(place, place_block(*(const PlaceCall*)call, index, blocks, image))
EMULATED(mask, mask_block(*(const MaskCall*)call, index, blocks, image))
EMULATED(store, store_block(*(const StoreCall*)call))
#endif
