namespace Granary.Training.Exchange;

/// <summary>A peer that a round waits for.</summary>
/// <param name="Mine">What it is greeted with, but for the nonce, which every connection has of its own.</param>
internal sealed record Expected(Guid Key, Greeting Mine)
{
    public TaskCompletionSource<Arrival> Arrival { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The round waits no longer.</summary>
    public void Abandon()
    {
        if (!Arrival.TrySetCanceled() && Arrival.Task.IsCompletedSuccessfully)
        {
            Arrival.Task.Result.Socket.Dispose();
        }
    }
}
