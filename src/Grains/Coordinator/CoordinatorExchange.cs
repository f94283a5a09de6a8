using Granary.Contracts;
using Granary.Training.Exchange;
using Granary.Training.Frames;

namespace Granary.Grains.Coordinator;

/// <summary>
/// Sends partial sums to the coordinator grain and gets the sum back. Slow, small and obviously right: what the other
/// exchanges are tested against. A frame is limited by Orleans' message size.
/// </summary>
internal sealed class CoordinatorExchange(ICoordinatorGrain coordinator, long round, int worker) : IExchange
{
    private readonly CancellationTokenSource abort = new();
    private string reason = "The round has ended.";

    public void Sum(IReadOnlyList<Partial> partials, long step, int phase)
    {
        try
        {
            var request = new SumRequest(round, worker, step, phase, [.. partials.Select(PartialSum.ToMessage)]);
            // The slot's own thread waits; the thread pool goes on.
            PartialSum.CopyTo(coordinator.SumAsync(request).WaitAsync(abort.Token).GetAwaiter().GetResult(), partials[0].Frame);
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

    public void Abort(string why)
    {
        reason = why;
        abort.Cancel();
    }

    public void Dispose() => Abort("The round has ended.");
}
