// The part of NCCL that Granary calls, for processes and threads of one machine: host memory instead of a GPU's, shared memory instead of NVLink.
// Streams are ignored, and a group is done when it ends. Built by the tests: cc -O2 -shared -fPIC -o libnccl-standin.so standin.c
// GRANARY_STANDIN_VERSION: what it says its version is. GRANARY_STANDIN_FAIL=FUNCTION: that function fails.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { Success = 0, SystemError = 2, InternalError = 3, InvalidArgument = 4, InvalidUsage = 5, RemoteError = 6, InProgress = 7 };
enum { Most = 8, Piece = 1 << 16, Float = 7 };

// One way between two ranks: the sender fills it when it is empty, the receiver empties it.
typedef struct { atomic_uint full; uint32_t count; char data[Piece]; } Way;
typedef struct { atomic_int pids[Most], broken; Way ways[Most][Most]; } Room;
typedef struct { char name[128]; } Id;
typedef struct { size_t size; unsigned magic, version; int blocking; } Config;
typedef struct { Room *room; Id id; int ranks, rank; atomic_int aborted; } Comm;
typedef struct { Comm *comm; int peer, sends; char *at; size_t left; } Transfer;

static _Thread_local Transfer queue[256];
static _Thread_local int queued, depth;

static int fails(const char *function) {
  const char *wanted = getenv("GRANARY_STANDIN_FAIL");
  return wanted && !strcmp(wanted, function);
}

static int is_lost(Comm *comm, int peer) {
  int pid = comm->room->pids[peer];
  return pid > 0 && kill(pid, 0) && errno == ESRCH;
}

static int state_of(Comm *comm) {
  if (comm->aborted || comm->room->broken) return RemoteError;
  for (int peer = 0; peer < comm->ranks; peer++) {
    if (!comm->room->pids[peer]) return InProgress;
    if (is_lost(comm, peer)) { comm->room->broken = 1; return RemoteError; }
  }
  return Success;
}

// Whether something moved.
static int move(Transfer *transfer) {
  Comm *comm = transfer->comm;
  Way *way = transfer->sends ? &comm->room->ways[comm->rank][transfer->peer] : &comm->room->ways[transfer->peer][comm->rank];
  if (way->full == (unsigned)transfer->sends) return 0;
  if (transfer->sends) {
    way->count = transfer->left < Piece ? (uint32_t)transfer->left : Piece;
    memcpy(way->data, transfer->at, way->count);
  } else {
    memcpy(transfer->at, way->data, way->count);
  }
  transfer->at += way->count;
  transfer->left -= way->count;
  way->full = (unsigned)transfer->sends;
  return 1;
}

static int run(void) {
  int result = Success, open = queued;
  while (open && result == Success) {
    int moved = 0;
    open = 0;
    for (int i = 0; i < queued && result == Success; i++) {
      Transfer *transfer = queue + i;
      int waits = 0; // behind an earlier one of the same way
      for (int j = 0; j < i; j++) waits |= queue[j].left && queue[j].comm == transfer->comm && queue[j].peer == transfer->peer && queue[j].sends == transfer->sends;
      if (transfer->left && !waits) {
        result = state_of(transfer->comm);
        if (result == Success) moved |= move(transfer);
      }
      open += transfer->left > 0;
    }
    if (open && !moved) usleep(20);
  }
  queued = 0;
  return result;
}

static int add(Comm *comm, int sends, void *data, size_t count, int type, int peer) {
  if (type != Float || peer < 0 || peer >= comm->ranks || peer == comm->rank || queued == 256) return InvalidArgument;
  if (count) queue[queued++] = (Transfer){comm, peer, sends, data, count * sizeof(float)};
  return depth ? Success : run();
}

int ncclGetVersion(int *version) {
  const char *told = getenv("GRANARY_STANDIN_VERSION");
  *version = told ? atoi(told) : 22809;
  return fails("ncclGetVersion") ? InternalError : Success;
}

int ncclGetUniqueId(Id *id) {
  uint64_t random;
  if (fails("ncclGetUniqueId") || getrandom(&random, sizeof random, 0) != sizeof random) return SystemError;
  memset(id, 0, sizeof *id);
  snprintf(id->name, sizeof id->name, "/granary-standin-%016llx", (unsigned long long)random);
  return Success;
}

int ncclCommInitRankConfig(Comm **made, int ranks, Id id, int rank, const Config *config) {
  if (fails("ncclCommInitRankConfig") || ranks > Most || rank < 0 || rank >= ranks || config->magic != 0xcafebeef || config->blocking) return InvalidArgument;
  int file = shm_open(id.name, O_RDWR | O_CREAT, 0600);
  if (file < 0 || ftruncate(file, sizeof(Room))) return SystemError;
  Comm *comm = calloc(1, sizeof *comm);
  *comm = (Comm){.room = mmap(0, sizeof(Room), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), .id = id, .ranks = ranks, .rank = rank};
  close(file);
  comm->room->pids[rank] = getpid();
  *made = comm;
  return InProgress;
}

int ncclCommGetAsyncError(Comm *comm, int *state) {
  *state = state_of(comm);
  return fails("ncclCommGetAsyncError") ? InternalError : Success;
}

int ncclGroupStart(void) { depth++; return fails("ncclGroupStart") ? (depth--, InternalError) : Success; }
int ncclGroupEnd(void) { return --depth ? Success : fails("ncclGroupEnd") ? (queued = 0, InternalError) : run(); }

int ncclSend(const void *from, size_t count, int type, int peer, Comm *comm, void *stream) {
  (void)stream;
  return fails("ncclSend") ? InternalError : add(comm, 1, (void *)from, count, type, peer);
}

int ncclRecv(void *into, size_t count, int type, int peer, Comm *comm, void *stream) {
  (void)stream;
  return fails("ncclRecv") ? InternalError : add(comm, 0, into, count, type, peer);
}

int ncclAllGather(const float *mine, float *all, size_t count, int type, Comm *comm, void *stream) {
  (void)stream;
  int result = fails("ncclAllGather") ? InternalError : Success;
  if (all + (size_t)comm->rank * count != mine) memmove(all + (size_t)comm->rank * count, mine, count * sizeof(float));
  depth++;
  for (int peer = 0; peer < comm->ranks && result == Success; peer++) {
    if (peer == comm->rank) continue;
    result = add(comm, 1, (void *)mine, count, type, peer);
    if (result == Success) result = add(comm, 0, all + (size_t)peer * count, count, type, peer);
  }
  depth--;
  return result != Success || depth ? result : run();
}

static int leave(Comm *comm) {
  shm_unlink(comm->id.name);
  // The room stays mapped: another thread may be on its way out of it.
  return Success;
}

int ncclCommAbort(Comm *comm) {
  comm->aborted = comm->room->broken = 1;
  return leave(comm);
}

int ncclCommFinalize(Comm *comm) { return fails("ncclCommFinalize") ? InternalError : state_of(comm) == InProgress ? InvalidUsage : Success; }
int ncclCommDestroy(Comm *comm) { return fails("ncclCommDestroy") ? InternalError : leave(comm); }

const char *ncclGetErrorString(int result) {
  return result == RemoteError ? "remote process exited or there was a network error" : result == InvalidArgument ? "invalid argument" : result == SystemError ? "unhandled system error" : "internal error";
}
