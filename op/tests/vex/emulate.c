// `vpdpbusd` of AVX-VNNI on processors without it, for ../../check_vex.sh: preloaded into a process, it computes the instruction
// where the processor refuses it, from the registers that the signal carries.
//     gcc -O2 -shared -fPIC -o emulate.so emulate.c && LD_PRELOAD=./emulate.so PROGRAM
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

// In the state that the kernel saves with XSAVE: the lower and the upper halves of registers, and which of both are in use.
enum { LOWER = 160, HEADER = 512, UPPER = 576, HALF = 16, REGISTERS = 16, SSE = 2, AVX = 4 };

static long emulated;

static void dot(uint8_t *sum, const uint8_t *pixels, const uint8_t *weights) {
    for (int lane = 0; lane < HALF; lane += 4) {
        uint32_t total;
        memcpy(&total, sum + lane, 4);
        for (int at = lane; at < lane + 4; at++)
            total += (uint32_t)(pixels[at] * (int8_t)weights[at]);
        memcpy(sum + lane, &total, 4);
    }
}

static void refused(int signal_number, siginfo_t *info, void *context) {
    (void)info;
    mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;
    const uint8_t *code = (const uint8_t *)machine->gregs[REG_RIP];
    // VEX.256.66.0F38.W0 50 /r, of registers alone.
    int known = code[0] == 0xc4 && (code[1] & 31) == 2 && (code[2] & 0x87) == 5 && code[3] == 0x50 && code[4] >> 6 == 3;
    if (!known) {
        signal(signal_number, SIG_DFL);
        return;
    }
    int sum = (code[4] >> 3 & 7) | (code[1] & 0x80 ? 0 : 8);
    int weights = (code[4] & 7) | (code[1] & 0x20 ? 0 : 8);
    int pixels = ~(code[2] >> 3) & 15;
    uint8_t *state = (uint8_t *)machine->fpregs;
    uint64_t in_use;
    memcpy(&in_use, state + HEADER, sizeof in_use);
    if (!(in_use & SSE))
        memset(state + LOWER, 0, HALF * REGISTERS);
    if (!(in_use & AVX))
        memset(state + UPPER, 0, HALF * REGISTERS);
    in_use |= SSE | AVX;
    memcpy(state + HEADER, &in_use, sizeof in_use);
    for (int half = 0; half < 2; half++) {
        uint8_t *registers = state + (half ? UPPER : LOWER);
        dot(registers + HALF * sum, registers + HALF * pixels, registers + HALF * weights);
    }
    machine->gregs[REG_RIP] += 5;
    __sync_fetch_and_add(&emulated, 1);
}

__attribute__((constructor)) static void begin(void) {
    struct sigaction action = {.sa_sigaction = refused, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    sigaction(SIGILL, &action, NULL);
}

__attribute__((destructor)) static void end(void) {
    fprintf(stderr, "%ld instructions emulated\n", emulated);
}
