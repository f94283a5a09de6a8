using System.Text.Json;
using System.Text.Json.Serialization;
using Granary.Training.Checkpoints;
using Granary.Training.Exchange.Links;
using Granary.Training.Tasks;

namespace Granary.Training.Exchange;

/// <summary>What a worker that is behind copies from one that is not: a replica's state, and what the step has learned so far.</summary>
public sealed record Handoff(ReplicaState State, Metrics Metrics)
{
    /// <summary>All that is not tensors, and the fingerprint of the whole.</summary>
    public byte[] Header() => JsonSerializer.SerializeToUtf8Bytes(
        new StateHeader(new(State.Scalars), Metrics.ToDictionary(), WeightsHash.OfAll(State)), StateHeader.Json);

    /// <summary>Takes over the header, once the tensors are in place.</summary>
    /// <exception cref="ExchangeAbortedException">The state is not, bit for bit, the sender's.</exception>
    public void Complete(ReadOnlySpan<byte> header)
    {
        var sent = JsonSerializer.Deserialize<StateHeader>(header, StateHeader.Json)!;
        State.Scalars.Clear();
        foreach (var (name, value) in sent.Scalars)
        {
            State.Scalars.Add(name, value);
        }
        Metrics.Clear();
        foreach (var (name, value) in sent.Metrics)
        {
            Metrics.Add(name, value);
        }
        if (WeightsHash.OfAll(State) is var hash && hash != sent.Sha256)
        {
            throw new ExchangeAbortedException($"The state arrived as {hash}, it was sent as {sent.Sha256}.");
        }
    }

    /// <summary>The same within a process.</summary>
    public void CopyFrom(Handoff other)
    {
        for (var i = 0; i < State.Tensors.Count; i++)
        {
            other.State.Tensors[i].Values.CopyTo(State.Tensors[i].Values);
        }
        Complete(other.Header());
    }

    private sealed record StateHeader(SortedDictionary<string, double> Scalars, Dictionary<string, double> Metrics, string Sha256)
    {
        public static JsonSerializerOptions Json { get; } = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };
    }
}
