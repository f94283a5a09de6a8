using System.Collections.Concurrent;

namespace Granary.Grains.Slots;

/// <summary>
/// The one thread that touches a slot's replica. Tensor scopes and gradient mode belong to a thread, and the thread pool
/// belongs to Orleans: a training step there would delay heartbeats.
/// </summary>
internal sealed class SlotThread : IDisposable
{
    private static readonly TimeSpan EndTime = TimeSpan.FromSeconds(10);
    private readonly BlockingCollection<Action> work = [];
    private readonly Thread thread;

    public SlotThread(string name)
    {
        thread = new(Run) { Name = name, IsBackground = true };
        thread.Start();
    }

    /// <summary>Runs after all that was asked before.</summary>
    public Task<T> RunAsync<T>(Func<T> function)
    {
        var result = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        work.Add(() =>
        {
            try
            {
                result.SetResult(function());
            }
            catch (Exception error)
            {
                result.SetException(error);
            }
        });
        return result.Task;
    }

    public Task RunAsync(Action action) => RunAsync(() =>
    {
        action();
        return true;
    });

    /// <summary>Takes no more work, and does not wait until what is queued is done.</summary>
    public void Abandon() => work.CompleteAdding();

    /// <summary>Finishes what is queued; whoever does not come back from it for too long is left to the end of the process.</summary>
    public void Dispose()
    {
        Abandon();
        if (thread.Join(EndTime))
        {
            work.Dispose();
        }
    }

    private void Run()
    {
        foreach (var action in work.GetConsumingEnumerable())
        {
            action();
        }
    }
}
