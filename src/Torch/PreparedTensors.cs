using System.IO.Hashing;
using System.Runtime.InteropServices;
using Granary.Training.Randomness;
using TorchSharp;
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>
/// What a phase has made, with all that its gradients will need, for a later phase of the same step and shard. It may be gone by then,
/// as when another worker has taken the shard over: then it is made anew, from the same state and the same random numbers.
/// </summary>
internal sealed class PreparedTensors(LearnedNetworks networks, ulong seed) : IDisposable
{
    private readonly Dictionary<(string Name, int Shard), Held> prepared = [];

    /// <returns>The tensor without its history, in the innermost scope.</returns>
    public Tensor Prepare(string name, ShardPass pass, Func<ShardPass, Tensor> make)
    {
        Forget(name, pass.Shard);
        var before = networks.CopyBuffers();
        Tensor made;
        IDisposable[] parts;
        using (var making = NewDisposeScope())
        {
            made = networks.WithGradients(() => Make(name, pass, make));
            parts = [.. making.DisposablesView];
            making.Detach(parts);
        }
        prepared.Add((name, pass.Shard), new(pass.Step, made, parts, before, networks.CopyBuffers()));
        return made.detach();
    }

    /// <returns>The tensor with its history, in the scope.</returns>
    public Tensor Take(string name, ShardPass pass, Func<ShardPass, Tensor> make, DisposeScope scope)
    {
        if (prepared.TryGetValue((name, pass.Shard), out var found) && found.Step == pass.Step)
        {
            prepared.Remove((name, pass.Shard));
            networks.MoveBuffers(found.Before, found.After);
            scope.Attach(found.Parts);
            found.DisposeBuffers();
            pass.Seed(StepRandom.Mix(SeedOf(name, pass), 1));
            return found.Made;
        }
        Forget(name, pass.Shard);
        return Make(name, pass, make);
    }

    public void Dispose() => Forget();

    /// <summary>What was made of a state that is gone is of no use.</summary>
    public void Forget()
    {
        foreach (var (name, shard) in prepared.Keys.ToList())
        {
            Forget(name, shard);
        }
    }

    // Seeded without the phase, and what is drawn afterwards has another seed: so it does not matter which phase has made the tensor.
    private Tensor Make(string name, ShardPass pass, Func<ShardPass, Tensor> make)
    {
        pass.Seed(SeedOf(name, pass));
        var made = make(pass);
        pass.Seed(StepRandom.Mix(SeedOf(name, pass), 1));
        return made;
    }

    private ulong SeedOf(string name, ShardPass pass) =>
        StepRandom.Mix(seed, (ulong)pass.Step, XxHash3.HashToUInt64(MemoryMarshal.AsBytes(name.AsSpan())), (ulong)pass.Shard);

    private void Forget(string name, int shard)
    {
        if (prepared.Remove((name, shard), out var forgotten))
        {
            foreach (var part in forgotten.Parts)
            {
                part.Dispose();
            }
            forgotten.DisposeBuffers();
        }
    }

    /// <param name="Made">One of the parts.</param>
    /// <param name="Parts">All that was made on the way: gradients by hand want it again.</param>
    /// <param name="Before">The networks' buffers.</param>
    private sealed record Held(long Step, Tensor Made, IDisposable[] Parts, Tensor[] Before, Tensor[] After)
    {
        public void DisposeBuffers()
        {
            foreach (var buffers in Before.Concat(After))
            {
                buffers.Dispose();
            }
        }
    }
}
