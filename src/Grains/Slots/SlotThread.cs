using System.Collections.Concurrent;

namespace Granary.Grains.Slots;

/// <summary>
/// The one thread that touches a slot's replica. Tensor scopes and gradient mode belong to a thread, and the thread pool
/// belongs to Orleans: a training step there would delay heartbeats.
/// </summary>
internal sealed class SlotThread : IDisposable
{
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

    /// <summary>Finishes what is queued.</summary>
    public void Dispose()
    {
        work.CompleteAdding();
        thread.Join();
        work.Dispose();
    }

    private void Run()
    {
        foreach (var action in work.GetConsumingEnumerable())
        {
            action();
        }
    }
}
