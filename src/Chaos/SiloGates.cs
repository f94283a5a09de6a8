using Granary.LocalClusters;
using Granary.Training.Loop;

namespace Granary.Chaos;

/// <summary>The gates of all silos of a cluster, as one: this program's end of the talk that <see cref="GateLine"/> describes.</summary>
internal sealed class SiloGates : IDisposable
{
    private static readonly TimeSpan StayEvery = TimeSpan.FromSeconds(2), AnswerTime = TimeSpan.FromSeconds(10);
    private readonly IReadOnlyList<SiloProcess> silos;
    private readonly Lock turn = new();
    private readonly SortedDictionary<string, Position> arrived = new(StringComparer.Ordinal);
    private readonly Timer stay;
    private TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Position? hold;
    private (long After, Func<string, bool> Counts, TaskCompletionSource<GateLine> Commit)? watch;
    private (string Node, TaskCompletionSource Done)? flipped;

    public SiloGates(IReadOnlyList<SiloProcess> silos)
    {
        this.silos = silos;
        foreach (var silo in silos)
        {
            silo.Said += line => Hear(silo.Name, line);
        }
        stay = new(_ => SayToAll(GateLine.Stay), null, StayEvery, StayEvery);
    }

    /// <summary>The nodes whose workers wait at the gate, by name, and where.</summary>
    public IReadOnlyList<KeyValuePair<string, Position>> Arrived
    {
        get
        {
            lock (turn)
            {
                return [.. arrived];
            }
        }
    }

    /// <summary>Completed when somebody arrives after this was asked for.</summary>
    public Task Changed
    {
        get
        {
            lock (turn)
            {
                return changed.Task;
            }
        }
    }

    /// <summary>Lets everyone go on up to this point.</summary>
    public void Hold(Position at)
    {
        lock (turn)
        {
            hold = at;
            arrived.Clear();
        }
        SayToAll(GateLine.Hold(at));
    }

    /// <summary>Lets everyone go on to the end.</summary>
    public void Open()
    {
        lock (turn)
        {
            hold = null;
            arrived.Clear();
        }
        SayToAll(GateLine.Open);
    }

    /// <summary>A silo's process has ended: whoever waited there does so no longer.</summary>
    public void Forget(string node)
    {
        lock (turn)
        {
            arrived.Remove(node);
        }
    }

    /// <summary>Tells a silo that has just been started what the others know.</summary>
    public void Greet(SiloProcess silo)
    {
        Position? at;
        lock (turn)
        {
            at = hold;
        }
        if (at is { } known)
        {
            silo.Say(GateLine.Hold(known));
        }
    }

    /// <summary>The first commit of a later step than this, on any of the nodes that count.</summary>
    public Task<GateLine> CommitAsync(long after, Func<string, bool> counts)
    {
        var commit = new TaskCompletionSource<GateLine>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (turn)
        {
            watch = (after, counts, commit);
        }
        SayToAll(GateLine.Watch(after));
        return commit.Task;
    }

    /// <summary>Flips a bit of a worker that waits at this silo's gate.</summary>
    /// <returns>Whether it is done.</returns>
    public async Task<bool> FlipAsync(SiloProcess silo, ulong bit)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (turn)
        {
            flipped = (silo.Name, done);
        }
        silo.Say(GateLine.Flip(bit));
        return await Task.WhenAny(done.Task, Task.Delay(AnswerTime)) == done.Task;
    }

    public void Dispose() => stay.Dispose();

    private void SayToAll(string line)
    {
        foreach (var silo in silos)
        {
            silo.Say(line);
        }
    }

    private void Hear(string node, string text)
    {
        if (GateLine.Parse(text) is not { } line)
        {
            return;
        }
        lock (turn)
        {
            if (line.Word == GateWord.Reached && hold is { } from && line.At.CompareTo(from) >= 0)
            {
                arrived[node] = line.At;
                changed.SetResult();
                changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }
            else if (line.Word == GateWord.Committed && watch is { } awaited && line.At.Step > awaited.After && awaited.Counts(node))
            {
                awaited.Commit.TrySetResult(line);
                watch = null;
            }
            else if (line.Word == GateWord.Flipped && flipped is { } asked && asked.Node == node)
            {
                asked.Done.TrySetResult();
            }
        }
    }
}
