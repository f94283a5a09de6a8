using Granary.Training.Exchange;
using Granary.Training.Exchange.Links;
using Granary.Training.Shards;

namespace Granary.Training.Loop;

/// <summary>One worker's part of something that several do together.</summary>
/// <param name="worker">Its number, from 0.</param>
/// <param name="mine">Its shards.</param>
/// <param name="exchange">The way to the others.</param>
public delegate T LocalWork<T>(int worker, ShardRange mine, IExchange exchange);

/// <summary>Workers without a cluster: threads of this process, each with a replica of its own, which sum through memory.</summary>
public static class LocalWorkers
{
    /// <summary>Returns when all are done.</summary>
    /// <param name="workers">At least 1, at most as many as there are shards.</param>
    /// <returns>What each of them has found, in order.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There are too few or too many workers.</exception>
    /// <exception cref="Exception">That of the worker that failed first.</exception>
    public static IReadOnlyList<T> Run<T>(int workers, int shards, LocalWork<T> work)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(workers, shards);
        var ranges = ShardRange.Split(shards, workers);
        using var group = new ProcessGroup(ranges, shards);
        var found = new T[workers];
        var failures = new Exception?[workers];
        List<Thread> threads = [.. Enumerable.Range(0, workers).Select(worker => new Thread(() => Work(worker)) { Name = $"worker {worker}", IsBackground = true })];
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        var failed = failures.OfType<Exception>().ToList();
        if ((failed.Find(failure => failure is not ExchangeAbortedException) ?? failed.FirstOrDefault()) is { } cause)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(cause);
        }
        return found;

        void Work(int worker)
        {
            using var exchange = group.Exchanges[worker];
            try
            {
                found[worker] = work(worker, ranges[worker], exchange);
            }
            catch (Exception failure)
            {
                failures[worker] = failure;
                group.Abort($"Worker {worker} failed: {failure.Message}");
            }
        }
    }
}
