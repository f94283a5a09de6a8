// Sums between processes of this machine by MPI_Allreduce: a peer of `granary bench exchange`. Run by allreduce_mpi.
// usage: allreduce_mpi TRANSPORT SECONDS [CASE]   TRANSPORT is a part of the cases' names, no switch
// A sample: all fill their buffers (not timed) and meet; they sum in place. The milliseconds of the slowest; reported is the median.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_UPS = 5, LEAST = 5, MOST = 2000 };

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double measure(int rank, int world, size_t bytes, double seconds)
{
    static double times[MOST + 1], slowest[MOST + 1];
    int length = (int)(bytes / sizeof(float)), count = 0, goes_on = 1;
    float *values = malloc(bytes), right = world * (world + 1) / 2.0f;
    double begun = MPI_Wtime();
    while (goes_on) {
        for (int i = 0; i < length; i++) values[i] = 1 + rank;
        goes_on = count < MOST && (count < WARM_UPS + LEAST || MPI_Wtime() - begun < seconds);
        MPI_Bcast(&goes_on, 1, MPI_INT, 0, MPI_COMM_WORLD);
        MPI_Barrier(MPI_COMM_WORLD);
        double started = MPI_Wtime();
        MPI_Allreduce(MPI_IN_PLACE, values, length, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
        times[count++] = (MPI_Wtime() - started) * 1e3;
        if (values[0] != right || values[length - 1] != right) {
            fprintf(stderr, "The sum is wrong.\n");
            MPI_Abort(MPI_COMM_WORLD, 1);
        }
    }
    free(values);
    count -= WARM_UPS;
    MPI_Reduce(times + WARM_UPS, slowest, count, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
    qsort(slowest, count, sizeof(double), compare);
    return count % 2 ? slowest[count / 2] : (slowest[count / 2 - 1] + slowest[count / 2]) / 2;
}

int main(int argc, char **argv)
{
    static const struct { const char *name; size_t bytes; } sizes[] = {
        { "64 KiB", 64 << 10 }, { "1 MiB", 1 << 20 }, { "4 MiB", 4 << 20 }, { "25 MiB", 25 << 20 }, { "100 MiB", 100 << 20 } };
    int rank, world, length;
    char version[MPI_MAX_LIBRARY_VERSION_STRING], name[64];
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &world);
    MPI_Get_library_version(version, &length);
    if (rank == 0) printf("{\"version\": \"%.*s\"}\n", (int)strcspn(version, ","), version);
    for (int i = 0; i < 5; i++) {
        snprintf(name, sizeof name, "%d processes, %s, %s", world, argv[1], sizes[i].name);
        if (argc > 3 && !strstr(name, argv[3])) continue;
        double median = measure(rank, world, sizes[i].bytes, atof(argv[2]));
        if (rank == 0) {
            printf("{\"case\": \"%s\", \"value\": %f, \"unit\": \"ms\"}\n", name, median);
            fflush(stdout);
        }
    }
    MPI_Finalize();
}
