namespace Granary.Silo.Diagnosis;

/// <summary>Looks at what a machine can do, and at what it lacks.</summary>
public static class Examination
{
    /// <param name="redis">HOST:PORT, or whatever else StackExchange.Redis understands. <see langword="null"/>: none is asked.</param>
    /// <param name="trace">For what was tried to load libtorch, where it cannot be.</param>
    public static async Task<IReadOnlyList<Finding>> RunAsync(string? redis, TextWriter trace, CancellationToken cancellationToken) =>
    [
        .. MachineFindings.All(),
        .. LibtorchFindings.All(trace),
        GpuFindings.Nccl(),
        await RedisFindings.FindAsync(redis, TimeProvider.System, cancellationToken),
    ];
}
