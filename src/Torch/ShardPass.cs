using Granary.Torch.Devices;
using Granary.Training.Randomness;
using TorchSharp;
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>
/// One pass over a shard's batch: what it may draw from and remember, and what it adds to the sums over all shards. The same for
/// every worker that computes the shard.
/// </summary>
public sealed class ShardPass : IDisposable
{
    private readonly IReadOnlyList<string> names;
    private readonly Dictionary<string, int> places;
    private readonly ReplicaDevice device;
    private readonly PassRandom random;
    private readonly PreparedTensors? prepared;
    private readonly PassSums sums;
    private DisposeScope? scope;
    private Tensor? carry, carryNext;

    internal ShardPass(IReadOnlyList<string> names, ReplicaDevice device, PassRandom random, PreparedTensors? prepared = null)
    {
        (this.names, places) = (names, names.Index().ToDictionary(entry => entry.Item, entry => entry.Index));
        (this.device, this.random, this.prepared, sums) = (device, random, prepared, new(names.Count, device));
    }

    /// <summary>Where the networks and the batches are: tensors that a learner makes belong there, too.</summary>
    public Device Device => device.Place;

    /// <summary>The step; of a held-out phase, the number of its batch.</summary>
    public long Step { get; private set; }

    /// <summary>The number of the shard.</summary>
    public int Shard { get; private set; }

    /// <summary>For whatever random numbers the pass needs; seeded by step, phase and shard.</summary>
    public LaneRandom Random => random.Lanes;

    /// <summary>How many samples or tokens the sums are over. A pass that leaves it at 0 counts for nothing.</summary>
    public long Weight { get; set; }

    /// <summary>What the shard was told to <see cref="Remember"/> in its batch before; zeros at first.</summary>
    /// <param name="shape">No larger than <see cref="Phase.CarryLength"/> in all.</param>
    public Tensor Carried(params long[] shape) => Carry(carry, shape.Aggregate(1L, (product, size) => product * size)).clone().view(shape);

    /// <summary>Keeps the values for the shard's next batch, on whatever worker that will be. What is not told is forgotten.</summary>
    /// <param name="values">No more than <see cref="Phase.CarryLength"/>.</param>
    public void Remember(Tensor values)
    {
        using var within = NewDisposeScope();
        using var outside = no_grad();
        Carry(carryNext, values.numel()).copy_(values.reshape(-1));
    }

    /// <summary>Each number is 1 with the given probability, and 0 otherwise.</summary>
    public Tensor Mask(double probability, params long[] shape) => random.Mask(shape, probability, 1);

    /// <summary>Normally distributed numbers with mean 0 and deviation 1.</summary>
    public Tensor Noise(params long[] shape) => random.Noise(shape);

    /// <summary>
    /// Makes a tensor that a later phase of this step wants, too, such as the images of a generator: it is made once. The networks that
    /// make it must not learn in between.
    /// </summary>
    /// <param name="name">The name by which <see cref="Prepared"/> asks for it.</param>
    /// <param name="make">Draws its random numbers from the pass that it is handed.</param>
    /// <returns>The tensor, through which no gradients pass in this phase.</returns>
    public Tensor Prepare(string name, Func<ShardPass, Tensor> make) => prepared!.Prepare(name, this, make);

    /// <summary>What an earlier phase of this step has prepared; gradients pass through it.</summary>
    /// <param name="make">The same as for <see cref="Prepare"/>: where the earlier phase was computed elsewhere, the tensor is made anew.</param>
    public Tensor Prepared(string name, Func<ShardPass, Tensor> make) => prepared!.Take(name, this, make, scope!);

    /// <summary>Adds to one of the phase's sums. Whole numbers stay exact below 2^48, others to seven decimal places.</summary>
    /// <exception cref="ArgumentException">The phase has no sum of this name.</exception>
    public void Add(string name, double value) => sums.Add(PlaceOf(name), value);

    /// <summary>Adds a tensor of one number. On a GPU nobody waits for it.</summary>
    public void Add(string name, Tensor value) => sums.Add(PlaceOf(name), value);

    internal PassSums Sums => sums;

    /// <summary>What passes over all shards have added up to.</summary>
    internal Totals TotalsOf(string phase, ReadOnlySpan<float> scalars) => new(phase, names, places, scalars);

    /// <param name="within">The innermost scope, until the pass ends.</param>
    internal void Begin(long step, int shard, ulong seed, DisposeScope within)
    {
        (Step, Shard, Weight, scope) = (step, shard, 0, within);
        sums.Clear();
        Seed(seed);
    }

    /// <summary>The next batch of the same shard: sums go on.</summary>
    internal void GoOn(long step, ulong seed)
    {
        Step = step;
        Seed(seed);
    }

    /// <summary>Seeds the random numbers from now on.</summary>
    internal void Seed(ulong seed) => random.Seed(seed);

    /// <param name="before">What the shard carries, as long as the phase's CarryLength; <see langword="null"/>: nothing.</param>
    internal void CarryBetween(Tensor? before, Tensor? after) => (carry, carryNext) = (before, after);

    /// <inheritdoc/>
    public void Dispose() => sums.Dispose();

    private int PlaceOf(string name) => places.TryGetValue(name, out var place)
        ? place
        : throw new ArgumentException($"The phase has no sum named '{name}'. It has: {string.Join(", ", names)}. Declare it with the phase.");

    private static Tensor Carry(Tensor? place, long length) => length <= (place?.numel() ?? 0)
        ? place!.narrow(0, 0, length)
        : throw new ArgumentException($"A shard cannot carry {length} values from one batch to the next: its phase has room for {place?.numel() ?? 0}. Raise the phase's CarryLength.");
}
