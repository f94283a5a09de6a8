using Granary.Contracts;
using Granary.Training.Exchange;
using Granary.Training.Exchange.Links;
using Granary.Training.Frames;

namespace Granary.Grains.Slots;

/// <summary>
/// Sends partial sums to the coordinator grain and gets the sum back. Slow, small and obviously right: what the other
/// exchanges are tested against. A frame is limited by Orleans' message size.
/// </summary>
internal sealed class CoordinatorExchange(ICoordinatorGrain coordinator, long round, int worker) : IExchange
{
    private readonly CancellationTokenSource abort = new();
    private string reason = "The round has ended.";

    public Frame Sum(IReadOnlyList<Partial> partials, long step, int phase)
    {
        foreach (var partial in partials)
        {
            partial.Frame.ToHost();
        }
        var sum = partials[0].Frame;
        PartialSum.CopyTo(Answer(coordinator.SumAsync(new(round, worker, step, phase, [.. partials.Select(PartialSum.ToMessage)]))), sum);
        return sum;
    }

    public void Share(Handoff mine, int source, IReadOnlyList<int> behind)
    {
        if (worker != source && !behind.Contains(worker))
        {
            return;
        }
        var sent = Answer(coordinator.ShareAsync(round, worker == source
            ? new(mine.Header(), [.. mine.State.Tensors.Select(tensor => tensor.Values.ToArray())])
            : null));
        if (worker != source)
        {
            for (var i = 0; i < sent.Tensors.Count; i++)
            {
                sent.Tensors[i].CopyTo(mine.State.Tensors[i].Values);
            }
            mine.Complete(sent.Header);
        }
    }

    public void Abort(string why)
    {
        reason = why;
        abort.Cancel();
    }

    public void Dispose() => Abort("The round has ended.");

    // The slot's own thread waits; the thread pool goes on.
    private T Answer<T>(Task<T> call)
    {
        try
        {
            return call.WaitAsync(abort.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            throw new ExchangeAbortedException(reason);
        }
        catch (Exception error)
        {
            throw new ExchangeAbortedException($"The coordinator did not answer: {error.Message}", error);
        }
    }
}
