using System.Collections.Concurrent;

namespace Granary.Grains.Slots;

/// <summary>
/// The one thread that touches a slot's replica. Tensor scopes and gradient mode belong to a thread, and the thread pool
/// belongs to Orleans: a training step there would delay heartbeats.
/// </summary>
internal sealed class SlotThread : IDisposable
{
    private static readonly TimeSpan EndTime = TimeSpan.FromSeconds(10);
    private readonly BlockingCollection<Work> work = [];
    private readonly Thread thread;
    private volatile Work? doing;

    public SlotThread(string name)
    {
        thread = new(Run) { Name = name, IsBackground = true };
        thread.Start();
    }

    /// <summary>Runs after all that was asked before.</summary>
    public Task<T> RunAsync<T>(Func<T> function)
    {
        var result = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        work.Add(new(
            () =>
            {
                try
                {
                    result.TrySetResult(function());
                }
                catch (Exception error)
                {
                    result.TrySetException(error);
                }
            },
            lost => result.TrySetException(lost)));
        return result.Task;
    }

    public Task RunAsync(Action action) => RunAsync(() =>
    {
        action();
        return true;
    });

    /// <summary>For a thread that hangs: whoever waits for it hears so, and what is queued will not be done.</summary>
    /// <param name="last">Done by the thread should it ever come back.</param>
    public void GiveUp(Action last)
    {
        var lost = new TimeoutException($"The thread of {thread.Name} does not come back, from a read that hangs perhaps.");
        while (work.TryTake(out var queued))
        {
            queued.Fail(lost);
        }
        doing?.Fail(lost);
        _ = RunAsync(last);
        work.CompleteAdding();
    }

    /// <summary>Finishes what is queued; a thread that does not come back from it in time is left to the end of the process.</summary>
    public void Dispose()
    {
        work.CompleteAdding();
        if (thread.Join(EndTime))
        {
            work.Dispose();
        }
    }

    private void Run()
    {
        foreach (var next in work.GetConsumingEnumerable())
        {
            doing = next;
            next.Do();
            doing = null;
        }
    }

    private sealed record Work(Action Do, Action<Exception> Fail);
}
