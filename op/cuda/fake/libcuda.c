/* A libcuda.so.1 for tests on machines without a GPU: device memory is host memory, and a launch runs the
   host build of preprocess.cu. It checks what the real driver checks of the arguments, and fails on demand:
   FAKE_CUDA_FAIL=call:code[:after]  that call gives this result, after so many good calls
   FAKE_CUDA_VERSION=11040           what cuDriverGetVersion says
   FAKE_CUDA_CONTEXT=none            no context is current at first
   It shows neither races nor speed. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int Result;
typedef unsigned long long Address;
typedef void* Handle;

enum {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NOT_INITIALIZED = 3,
    NO_DEVICE = 100,
    INVALID_DEVICE = 101,
    INVALID_CONTEXT = 201,
    NO_BINARY_FOR_GPU = 209,
    INVALID_PTX = 218,
    UNSUPPORTED_PTX_VERSION = 222,
    INVALID_HANDLE = 400,
    NOT_FOUND = 500,
    NOT_SUPPORTED = 801,
    ILLEGAL_ADDRESS = 700,
    LAUNCH_OUT_OF_RESOURCES = 701,
    CAPTURE_UNSUPPORTED = 900,
};

typedef void Emulated(const void* call, int blocks, int images, unsigned char* memory);
extern Emulated preprocess_emulated, sample_emulated, place_emulated, mask_emulated, store_emulated;

static const struct { const char* name; Emulated* run; } kernels[] = {
    {"preprocess", preprocess_emulated}, {"sample", sample_emulated}, {"place", place_emulated},
    {"mask", mask_emulated}, {"store", store_emulated},
};
enum { KERNELS = sizeof kernels / sizeof *kernels };

static int initialised;
static int devices_retained;
static char context_object, module_object, function_objects[KERNELS];
static __thread Handle current;
static __thread int started;
static size_t live_bytes, live_count, launches;
static struct { Address at; size_t bytes; } blocks[4096];
static pthread_mutex_t blocks_lock = PTHREAD_MUTEX_INITIALIZER;

static Result injected(const char* call) {
    static int calls;
    const char* plan = getenv("FAKE_CUDA_FAIL");
    size_t length = strlen(call);
    if (!plan || strncmp(plan, call, length) || plan[length] != ':') return SUCCESS;
    char* end;
    const int code = (int)strtol(plan + length + 1, &end, 10);
    const int after = *end == ':' ? atoi(end + 1) : 0;
    return calls++ < after ? SUCCESS : code;
}

#define ENTER(call)                                   \
    do {                                              \
        const Result failed = injected(call);         \
        if (failed) return failed;                    \
        if (!initialised) return NOT_INITIALIZED;     \
    } while (0)

#define IN_CONTEXT(call)                              \
    do {                                              \
        ENTER(call);                                  \
        if (current != &context_object) return INVALID_CONTEXT; \
    } while (0)

/* For the tests alone. */
size_t fake_cuda_live_bytes(void) { return live_bytes; }
size_t fake_cuda_live_count(void) { return live_count; }
size_t fake_cuda_launches(void) { return launches; }

Result cuInit(unsigned flags) {
    const Result failed = injected("cuInit");
    if (failed) return failed;
    if (flags) return INVALID_VALUE;
    initialised = 1;
    return SUCCESS;
}

Result cuDriverGetVersion(int* version) {
    const char* given = getenv("FAKE_CUDA_VERSION");
    *version = given ? atoi(given) : 13000;
    return SUCCESS;
}

Result cuGetErrorName(Result code, const char** name) {
    static const struct { Result code; const char* name; } names[] = {
        {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE"},
        {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY"},
        {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED"},
        {NO_DEVICE, "CUDA_ERROR_NO_DEVICE"},
        {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE"},
        {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT"},
        {NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
        {INVALID_PTX, "CUDA_ERROR_INVALID_PTX"},
        {UNSUPPORTED_PTX_VERSION, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"},
        {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE"},
        {NOT_FOUND, "CUDA_ERROR_NOT_FOUND"},
        {NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED"},
        {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS"},
        {LAUNCH_OUT_OF_RESOURCES, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"},
        {CAPTURE_UNSUPPORTED, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].code == code) return *name = names[i].name, SUCCESS;
    return *name = NULL, INVALID_VALUE;
}

Result cuDeviceGetCount(int* count) {
    ENTER("cuDeviceGetCount");
    *count = 1;
    return SUCCESS;
}

Result cuDeviceGet(int* device, int ordinal) {
    ENTER("cuDeviceGet");
    *device = 0;
    return ordinal ? INVALID_DEVICE : SUCCESS;
}

Result cuDeviceGetName(char* name, int length, int device) {
    ENTER("cuDeviceGetName");
    if (device) return INVALID_DEVICE;
    snprintf(name, (size_t)length, "a host that plays a GPU");
    return SUCCESS;
}

Result cuDevicePrimaryCtxRetain(Handle* context, int device) {
    ENTER("cuDevicePrimaryCtxRetain");
    if (device) return INVALID_DEVICE;
    devices_retained++;
    *context = &context_object;
    return SUCCESS;
}

Result cuCtxGetCurrent(Handle* context) {
    ENTER("cuCtxGetCurrent");
    if (!started) {
        const char* at_first = getenv("FAKE_CUDA_CONTEXT");
        current = at_first && !strcmp(at_first, "none") ? NULL : &context_object;
        started = 1;
    }
    *context = current;
    return SUCCESS;
}

Result cuCtxSetCurrent(Handle context) {
    ENTER("cuCtxSetCurrent");
    if (context && context != &context_object) return INVALID_CONTEXT;
    current = context;
    started = 1;
    return SUCCESS;
}

Result cuCtxGetId(Handle context, unsigned long long* id) {
    ENTER("cuCtxGetId");
    *id = 7;
    return context == &context_object ? SUCCESS : INVALID_CONTEXT;
}

Result cuCtxSynchronize(void) { IN_CONTEXT("cuCtxSynchronize"); return SUCCESS; }

Result cuStreamGetCtx(Handle stream, Handle* context) {
    ENTER("cuStreamGetCtx");
    if (!stream) return INVALID_HANDLE;
    *context = &context_object;
    return SUCCESS;
}

Result cuStreamSynchronize(Handle stream) { (void)stream; IN_CONTEXT("cuStreamSynchronize"); return SUCCESS; }

Result cuModuleLoadData(Handle* module, const void* image) {
    IN_CONTEXT("cuModuleLoadData");
    if (!strstr(image, ".version 8.0") || !strstr(image, ".target sm_70")) return INVALID_PTX;
    *module = &module_object;
    return SUCCESS;
}

Result cuModuleGetFunction(Handle* function, Handle module, const char* name) {
    IN_CONTEXT("cuModuleGetFunction");
    if (module != &module_object) return INVALID_HANDLE;
    for (int kernel = 0; kernel < KERNELS; kernel++)
        if (!strcmp(name, kernels[kernel].name)) return *function = &function_objects[kernel], SUCCESS;
    return NOT_FOUND;
}

static Result allocate(Address* address, size_t bytes) {
    if (!bytes) return INVALID_VALUE;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        if (blocks[i].at) continue;
        void* memory;
        if (posix_memalign(&memory, 256, bytes)) return OUT_OF_MEMORY;
        memset(memory, 0xcd, bytes);
        blocks[i].at = *address = (Address)memory;
        blocks[i].bytes = bytes;
        live_bytes += bytes;
        live_count++;
        return SUCCESS;
    }
    return OUT_OF_MEMORY;
}

static Result release(Address address) {
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        if (!address || blocks[i].at != address) continue;
        live_bytes -= blocks[i].bytes;
        live_count--;
        blocks[i].at = 0;
        free((void*)address);
        return SUCCESS;
    }
    return INVALID_VALUE;
}

#define LOCKED(call)                            \
    do {                                        \
        pthread_mutex_lock(&blocks_lock);       \
        const Result result = call;             \
        pthread_mutex_unlock(&blocks_lock);     \
        return result;                          \
    } while (0)

Result cuMemAlloc_v2(Address* address, size_t bytes) {
    IN_CONTEXT("cuMemAlloc");
    LOCKED(allocate(address, bytes));
}

Result cuMemFree_v2(Address address) {
    IN_CONTEXT("cuMemFree");
    LOCKED(release(address));
}

/* Both run when they are called, as everything here does. */
Result cuMemAllocAsync(Address* address, size_t bytes, Handle stream) {
    (void)stream;
    IN_CONTEXT("cuMemAllocAsync");
    LOCKED(allocate(address, bytes));
}

Result cuMemFreeAsync(Address address, Handle stream) {
    (void)stream;
    IN_CONTEXT("cuMemFreeAsync");
    LOCKED(release(address));
}

static int find(Address address, size_t bytes) {
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        if (blocks[i].at && address >= blocks[i].at && address + bytes <= blocks[i].at + blocks[i].bytes) return 1;
    return 0;
}

static int inside(Address address, size_t bytes) { LOCKED(find(address, bytes)); }

Result cuMemcpyHtoDAsync_v2(Address to, const void* from, size_t bytes, Handle stream) {
    (void)stream;
    IN_CONTEXT("cuMemcpyHtoDAsync");
    if (!inside(to, bytes)) return INVALID_VALUE;
    memcpy((void*)to, from, bytes);
    return SUCCESS;
}

Result cuMemcpyDtoHAsync_v2(void* to, Address from, size_t bytes, Handle stream) {
    (void)stream;
    IN_CONTEXT("cuMemcpyDtoHAsync");
    if (!inside(from, bytes)) return INVALID_VALUE;
    memcpy(to, (const void*)from, bytes);
    return SUCCESS;
}

Result cuLaunchKernel(Handle function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                      unsigned shared, Handle stream, void** parameters, void** extra) {
    (void)stream;
    IN_CONTEXT("cuLaunchKernel");
    const long kernel = (char*)function - function_objects;
    if (kernel < 0 || kernel >= KERNELS) return INVALID_HANDLE;
    if (!gx || gx > 0x7fffffff || !gy || gy > 65535 || gz != 1 || bx != 256 || by != 1 || bz != 1) return INVALID_VALUE;
    if (shared > 48 * 1024 || !parameters || extra) return INVALID_VALUE;
    /* Exactly as long as was asked for, and no zeros: shared memory holds anything at first. */
    void* memory;
    if (posix_memalign(&memory, 16, shared ? shared : 1)) return OUT_OF_MEMORY;
    memset(memory, 0xcd, shared);
    kernels[kernel].run(parameters[0], (int)gx, (int)gy, memory);
    free(memory);
    __atomic_add_fetch(&launches, 1, __ATOMIC_RELAXED);
    return SUCCESS;
}
