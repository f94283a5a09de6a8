using System.Diagnostics;
using Granary.Training.Exchange;
using Granary.Training.Frames;
using Granary.Training.Randomness;
using Granary.Training.Shards;

namespace Granary.Bench.Exchange;

/// <summary>
/// Sums between threads of this process. A sample: each fills its frames (not timed) and adds up those of its own shards; all
/// meet; they sum. The milliseconds of adding and summing, of the slowest thread.
/// </summary>
internal static class ThreadSums
{
    private const int Least = 3, WarmUps = 3;

    /// <summary>One frame a worker, of so many bytes.</summary>
    public static List<double> Dense(int workers, int bytes, double seconds) => Measure(workers, workers, seconds,
        () => Frame.Allocate(bytes / sizeof(float) - Frame.SizeOf(0, 0), 0),
        (frame, shard) => frame.Dense.Fill(1 + shard),
        sum => sum.Dense[0] == workers * (workers + 1) / 2 && sum.Dense[^1] == sum.Dense[0]);

    /// <summary>Shards which have touched so many rows each, of a table three times as long.</summary>
    public static List<double> Rows(int workers, int shards, int rows, int width, double seconds)
    {
        var touched = Enumerable.Range(0, shards).Select(shard => SomeRows(shard, rows)).ToArray();
        return Measure(workers, shards, seconds,
            () => Frame.Allocate(0, 0, new SparseRows(width)),
            (frame, shard) =>
            {
                frame.Clear();
                frame.Rows!.Reset(touched[shard]);
                frame.Rows.Values.Fill(1 + shard);
            },
            sum => sum.Rows!.Numbers.SequenceEqual([.. touched.SelectMany(numbers => numbers).Distinct().Order()]));
    }

    private static List<double> Measure(int workers, int shards, double seconds, Func<Frame> create, Action<Frame, int> fill, Func<Frame, bool> isRight)
    {
        var ranges = ShardRange.Split(shards, workers);
        using var group = new ProcessGroup(ranges, shards);
        var samples = new List<double>();
        var times = new double[workers];
        var begun = Stopwatch.GetTimestamp();
        var right = true;
        var done = false;
        using var meeting = new Barrier(workers);
        using var end = new Barrier(workers, _ =>
        {
            samples.Add(times.Max());
            done = Stopwatch.GetElapsedTime(begun).TotalSeconds >= seconds && samples.Count >= WarmUps + Least;
        });
        var threads = ranges.Select((range, worker) => new Thread(() =>
        {
            using var fold = new FrameFold(shards, create);
            for (var step = 0; !done; step++)
            {
                var filled = TimeSpan.Zero;
                var started = Stopwatch.GetTimestamp();
                var partials = fold.Compute(range, (shard, frame) =>
                {
                    var at = Stopwatch.GetTimestamp();
                    fill(frame, shard);
                    filled += Stopwatch.GetElapsedTime(at);
                });
                var folded = Stopwatch.GetElapsedTime(started) - filled;
                meeting.SignalAndWait();
                started = Stopwatch.GetTimestamp();
                var sum = group.Exchanges[worker].Sum(partials, step, 0);
                times[worker] = (folded + Stopwatch.GetElapsedTime(started)).TotalMilliseconds;
                right &= step > 0 || isRight(sum);
                group.Exchanges[worker].Release();
                end.SignalAndWait();
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        return right ? samples[WarmUps..] : throw new BenchmarkException("The sum is wrong.");
    }

    private static int[] SomeRows(int shard, int count)
    {
        var random = new StepRandom(1, (ulong)shard);
        var chosen = new SortedSet<int>();
        while (chosen.Count < count)
        {
            chosen.Add(random.Next(3 * count));
        }
        return [.. chosen];
    }
}
