using Granary.Torch.Devices;
using Granary.Torch.Networks;
using Granary.Training.Randomness;
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>The networks of a learner on flat memory, and the modes that they are in.</summary>
internal sealed class LearnedNetworks : IDisposable
{
    private readonly List<Network> networks;
    private readonly Func<int, long> updates;
    private int[]? learning;

    /// <param name="random">What dropout draws from.</param>
    /// <param name="updates">How many updates the network of a given number has had.</param>
    /// <exception cref="UnfitNetworkException">A part of a network is not registered, or has no initial values.</exception>
    public LearnedNetworks(Learner learner, ReplicaDevice device, PassRandom random, Func<int, long> updates)
    {
        this.updates = updates;
        var given = learner.Networks;
        for (var number = 0; number < given.Count; number++)
        {
            ModuleRules.Check(given[number].Module);
            learner.Initialize(given[number].Module, given.Count == 1 ? learner.Spec.Seed : StepRandom.Mix(learner.Spec.Seed, (ulong)number));
            ServedDropout.Attach(given[number].Module, random.Mask);
        }
        var learners = learner.Phases.OfType<LearningPhase>().SelectMany(phase => phase.Learns).ToHashSet<nn.Module>(ReferenceEqualityComparer.Instance);
        foreach (var still in given.Where(network => !learners.Contains(network.Module)))
        {
            WantGradients(still.Module.parameters(), false);
        }
        Parameters = new(device, given);
        networks = [.. given.Select(network => new Network(network.Module, new(network.Module, device)))];
    }

    public FlatParameters Parameters { get; }

    /// <summary>The numbers of the networks that learn in a phase.</summary>
    public int[] NumbersOf(LearningPhase phase) => [.. phase.Learns.Select(learns => networks.FindIndex(network => ReferenceEquals(network.Module, learns))).Order()];

    /// <summary>What of the state lies on the device.</summary>
    public IEnumerable<DeviceFloats> Mirrored => networks.Select(network => network.Buffers.Committed).Prepend(Parameters.Values);

    public NetworkBuffers BuffersOf(int network) => networks[network].Buffers;

    /// <summary>From now on these networks learn; the others pass gradients on but take none.</summary>
    /// <param name="numbers">The same array object at every call for a phase.</param>
    public void Learn(int[] numbers)
    {
        for (var number = 0; number < networks.Count; number++)
        {
            networks[number].Train(updates(number));
        }
        if (learning != numbers)
        {
            Want(numbers);
        }
    }

    /// <summary>Makes a tensor from which networks that do not learn now can learn later.</summary>
    public Tensor WithGradients(Func<Tensor> make)
    {
        var now = learning!;
        foreach (var network in networks)
        {
            WantGradients(network.Learning, true);
        }
        var made = make();
        Want(now);
        return made;
    }

    public Tensor[] CopyBuffers() => [.. networks.Select(network => network.Buffers.Copy())];

    /// <summary>See <see cref="NetworkBuffers.Move"/>.</summary>
    public void MoveBuffers(Tensor[] before, Tensor[] after)
    {
        for (var number = 0; number < networks.Count; number++)
        {
            networks[number].Buffers.Move(before[number], after[number]);
        }
    }

    /// <summary>From now on they are used, not trained.</summary>
    public void Use()
    {
        for (var number = 0; number < networks.Count; number++)
        {
            networks[number].Use(updates(number));
        }
    }

    public void Dispose()
    {
        Parameters.Dispose();
        foreach (var network in networks)
        {
            network.Dispose();
        }
    }

    private void Want(int[] numbers)
    {
        learning = numbers;
        for (var number = 0; number < networks.Count; number++)
        {
            WantGradients(networks[number].Learning, numbers.Contains(number));
        }
    }

    private static void WantGradients(IEnumerable<TorchSharp.Modules.Parameter> parameters, bool wanted)
    {
        foreach (var parameter in parameters)
        {
            parameter.requires_grad = wanted;
        }
    }

    private sealed record Network(nn.Module Module, NetworkBuffers Buffers) : IDisposable
    {
        private readonly List<nn.Module> frozen =
            [.. Module.modules().Prepend(Module).Distinct().Where(part => part.parameters().ToList() is { Count: > 0 } all && all.TrueForAll(parameter => !parameter.requires_grad))];

        public List<TorchSharp.Modules.Parameter> Learning { get; } = [.. Module.parameters().Where(parameter => parameter.requires_grad)];

        public void Train(long updates)
        {
            Module.train();
            foreach (var part in frozen)
            {
                part.eval();
            }
            Buffers.Restore(updates);
        }

        public void Use(long updates)
        {
            Module.eval();
            Buffers.Restore(updates);
        }

        public void Dispose()
        {
            Buffers.Dispose();
            Module.Dispose();
        }
    }
}
