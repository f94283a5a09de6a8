using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Granary.Silo.Page;

/// <summary>A message of a stream, written once for all who read it.</summary>
internal sealed record LiveMessage(long Id, string Kind, string Json);

/// <summary>
/// One who follows the stream. Whoever reads too slowly loses what there is and begins anew with a snapshot: nothing piles up, and nobody waits for them.
/// </summary>
/// <param name="run">Followed more closely than the others; <see langword="null"/>: none is.</param>
/// <param name="snapshot">All that there is to know now.</param>
/// <param name="left">Told when they read no more.</param>
internal sealed class Viewer(string? run, Func<LiveMessage> snapshot, Action<Viewer> left)
{
    /// <summary>Messages that may wait to be read.</summary>
    public const int Capacity = 1_024;
    private readonly Channel<LiveMessage> waiting = Channel.CreateBounded<LiveMessage>(new BoundedChannelOptions(Capacity) { SingleReader = true });
    private volatile bool isBehind;

    public string? Run => run;

    /// <summary>Whether it has had a snapshot: before that, changes mean nothing to it.</summary>
    public bool HasSnapshot { get; set; }

    /// <summary>How many messages wait.</summary>
    internal int Waiting => waiting.Reader.Count;

    /// <summary>Never waits.</summary>
    public void Offer(LiveMessage message)
    {
        if (!isBehind && !waiting.Writer.TryWrite(message))
        {
            isBehind = true;
        }
    }

    /// <summary>No more comes.</summary>
    public void End() => waiting.Writer.TryComplete();

    public async IAsyncEnumerable<LiveMessage> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var message in waiting.Reader.ReadAllAsync(cancellationToken))
            {
                if (!isBehind)
                {
                    yield return message;
                    continue;
                }
                while (waiting.Reader.TryRead(out _))
                {
                }
                // First, so that what comes meanwhile comes after the snapshot, if twice.
                isBehind = false;
                yield return snapshot();
            }
        }
        finally
        {
            left(this);
        }
    }
}
