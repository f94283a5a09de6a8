using System.Diagnostics;
using Granary.Bench.Measurement;
using Granary.Training.Loop;
using Granary.Training.Tasks;

namespace Granary.Bench.Steps;

/// <summary>After every step of a worker, one of a bare loop, so that a busy moment strikes both; times each, and counts what the worker allocates.</summary>
/// <param name="bare">One step.</param>
/// <param name="seconds">How long each of the two is measured.</param>
/// <param name="least">Steps before which it does not stop.</param>
internal sealed class Alternation(Action bare, double seconds, int least, StopSignal stop) : IStepObserver
{
    private const int WarmUps = 2;
    private readonly List<double> workers = [], bares = [], ratios = [], allocations = [];
    private readonly long begun = Stopwatch.GetTimestamp();
    private long started = Stopwatch.GetTimestamp(), allocated = GC.GetAllocatedBytesForCurrentThread();

    public void StepCommitted(long step, Metrics metrics, StepTimes times)
    {
        var worker = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        double bytes = GC.GetAllocatedBytesForCurrentThread() - allocated;
        started = Stopwatch.GetTimestamp();
        bare();
        var alone = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        if (step > WarmUps)
        {
            workers.Add(worker);
            bares.Add(alone);
            ratios.Add(100 * (worker / alone - 1));
            allocations.Add(bytes);
        }
        if (workers.Count >= least && Stopwatch.GetElapsedTime(begun).TotalSeconds > 2 * seconds)
        {
            stop.Raise(checkpoint: false);
        }
        allocated = GC.GetAllocatedBytesForCurrentThread();
        started = Stopwatch.GetTimestamp();
    }

    public void Report(string model, Report report)
    {
        report.Add(Figure.Of($"{model} worker", "ms", workers));
        report.Add(Figure.Of($"{model} bare loop", "ms", bares));
        report.Add(Figure.Of($"{model} worker slower by", "%", ratios));
        report.Add(Figure.Of($"{model} managed memory a step", "bytes", allocations));
    }
}
