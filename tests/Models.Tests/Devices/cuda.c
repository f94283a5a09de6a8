// The parts of NVIDIA's driver, runtime and management library that Granary calls, for a machine without a GPU. What was asked of streams is written down in order,
// and an event is the number of those lines. Built by the tests: cc -O2 -shared -fPIC -o libcuda-standin.so cuda.c
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char written[4096];
static size_t length;
static intptr_t streams, events, stamps[256];
static int lines, failing;

static void write_down(const char *what, intptr_t a, intptr_t b) {
  length += (size_t)snprintf(written + length, sizeof written - length, "%s %ld %ld\n", what, (long)a, (long)b);
  lines++;
}

const char *standin_written(void) { return written; }
void standin_fail_copies(int fail) { failing = fail; }

int cudaStreamCreateWithFlags(intptr_t *stream, unsigned flags) { *stream = ++streams; write_down("stream", *stream, flags); return 0; }
int cudaEventCreateWithFlags(intptr_t *event, unsigned flags) { *event = ++events; return (int)flags; }
int cudaEventDestroy(intptr_t event) { stamps[event] = -1; return 0; }
int cudaEventRecord(intptr_t event, intptr_t stream) { write_down("record", event, stream); stamps[event] = lines; return 0; }
int cudaStreamWaitEvent(intptr_t stream, intptr_t event, unsigned flags) { write_down("wait", stream, event); return (int)flags; }
int cudaMemcpyAsync(void *to, const void *from, size_t bytes, int kind, intptr_t stream) {
  if (failing) return 700;
  write_down(kind == 2 ? "to-host" : "other", (intptr_t)bytes, stream);
  memcpy(to, from, bytes);
  return 0;
}
int cudaEventElapsedTime(float *milliseconds, intptr_t from, intptr_t to) {
  if (stamps[from] < 0 || stamps[to] < 0) return 400;
  *milliseconds = (float)(stamps[to] - stamps[from]);
  return 0;
}

int cuInit(unsigned flags) { return (int)flags; }
int cuDeviceGet(int *device, int number) { *device = number; return number < 2 ? 0 : 101; }
int cuDeviceGetName(char *name, int room, int device) { return snprintf(name, (size_t)room, "Stand-in %d", device) < 0; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = (size_t)(80 + device) << 30; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) { (void)device; *value = attribute == 75 ? 9 : attribute == 76 ? 0 : 132; return 0; }
int cuDeviceGetUuid(uint8_t *uuid, int device) { for (int i = 0; i < 16; i++) uuid[i] = (uint8_t)(16 * i + device); return 0; }

int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetHandleByUUID(const char *uuid, intptr_t *device) {
  *device = !strcmp(uuid, "GPU-01112131-4151-6171-8191-a1b1c1d1e1f1") ? 7 : 0;
  return *device ? 0 : 6;
}
int nvmlDeviceGetMemoryInfo(intptr_t device, uint64_t *memory) { memory[0] = 100; memory[1] = 60; memory[2] = 40; return device == 7 ? 0 : 2; }
