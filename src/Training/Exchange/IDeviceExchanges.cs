using Granary.Training.Shards;

namespace Granary.Training.Exchange;

/// <summary>A replica that may live on a device.</summary>
public interface IDeviceReplica
{
    /// <summary>How it adds gradients with others on their devices; <see langword="null"/>: it lives on the processor.</summary>
    IDeviceExchanges? DeviceExchanges { get; }
}

/// <summary>How replicas that live on devices add their gradients there, without the host.</summary>
public interface IDeviceExchanges
{
    /// <summary>Why they cannot, in a sentence; <see langword="null"/>: they can.</summary>
    string? Lack { get; }

    /// <summary>By what the workers of a round find each other: made by one of them, for all.</summary>
    byte[] CreateMeeting();

    /// <summary>Meets the others. Called by all workers of a round, which all get the same kind of exchange.</summary>
    /// <param name="ordinary">For what lies on the host. Owned by the result.</param>
    /// <param name="worker">This worker's number in the round.</param>
    /// <param name="ranges">The shards of all workers, in order.</param>
    /// <param name="remark">Which way it is, and why not the other.</param>
    /// <returns>The ordinary exchange, if not all have come.</returns>
    /// <exception cref="Links.ExchangeAbortedException">The round is over.</exception>
    IExchange Join(IExchange ordinary, byte[] meeting, int worker, IReadOnlyList<ShardRange> ranges, out string remark);
}
