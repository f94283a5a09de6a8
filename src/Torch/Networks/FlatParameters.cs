using Granary.Torch.Devices;
using Granary.Torch.Runtime;
using Granary.Training.Frames;
using Granary.Training.Tasks;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Networks;

/// <summary>
/// The parameters of some networks as views of one flat tensor, and gradient frames that <c>backward</c> fills in place: what the
/// exchange sends and the optimizer reads is libtorch's own memory. Tied parameters have one place and several names. Frozen ones,
/// which want no gradient when this is made, lie behind the others: they belong to the state, and to no frame.
/// </summary>
internal sealed unsafe class FlatParameters : IDisposable
{
    // 64 bytes: every parameter starts on a cache line and a vector register.
    private const int Alignment = 16;
    private readonly List<FlatParameter> places = [];
    private readonly List<(string Name, int Place)> aliases = [];
    private readonly ReplicaDevice device;
    private readonly int learning;
    private GradientMemory? bound;

    /// <param name="networks">Parameters carry the name of their network as a prefix; an empty one gives none.</param>
    public FlatParameters(ReplicaDevice device, params IReadOnlyList<(string Name, nn.Module Module)> networks)
    {
        this.device = device;
        var known = new Dictionary<nint, int>();
        var whole = 0L;
        var all = from network in Enumerable.Range(0, networks.Count)
                  from entry in networks[network].Module.named_parameters()
                  orderby entry.parameter.requires_grad ? 0 : 1 // a stable sort, which keeps the order within each group
                  select (Network: network, Name: Prefix(networks[network].Name) + entry.name, Parameter: entry.parameter);
        foreach (var (network, name, parameter) in all)
        {
            if (known.TryGetValue((nint)parameter.Floats(), out var place))
            {
                aliases.Add((name, place));
                continue;
            }
            known.Add((nint)parameter.Floats(), places.Count);
            var room = (parameter.numel() + Alignment - 1) / Alignment * Alignment;
            places.Add(new(network, name, parameter, whole, room));
            whole += room;
            learning += parameter.requires_grad ? 1 : 0;
        }
        TorchRuntime.DoNotCount(networks.Sum(network => GhostsOf(network.Module)));
        using var noGradient = torch.no_grad();
        Values = new(device, whole);
        foreach (var place in places)
        {
            using var slice = Values.Tensor.narrow(0, place.Start, place.Parameter.numel());
            using var view = slice.view(place.Parameter.shape);
            view.copy_(place.Parameter);
            device.MoveInto(place.Parameter, view);
        }
    }

    /// <summary>Floats of all, frozen ones and padding included.</summary>
    public long Length => Values.Tensor.numel();

    /// <summary>Those that learn come first, network by network.</summary>
    public DeviceFloats Values { get; }

    /// <summary>The parameters of these networks that learn, in the order of the flat tensor.</summary>
    /// <param name="networks">Numbers of the networks.</param>
    public IReadOnlyList<FlatParameter> Learning(IReadOnlyCollection<int> networks) => [.. places.Take(learning).Where(place => networks.Contains(place.Network))];

    /// <summary>The tensors as <c>state_dict</c> names them.</summary>
    public IEnumerable<StateTensor> State()
    {
        var all = places.Select((place, index) => (place.Name, Place: index)).Concat(aliases);
        return [.. all.Select(name => new StateTensor(name.Name, places[name.Place].Parameter.shape, StateKind.Model, Values.Pointer + places[name.Place].Start))];
    }

    /// <summary>A frame whose values begin with the gradients of these parameters, one behind the other, followed by <paramref name="more"/> floats.</summary>
    /// <param name="room">Floats behind it, for an exchange between devices.</param>
    public Frame CreateFrame(IReadOnlyList<FlatParameter> parameters, long more, int scalars, long room) => new GradientMemory(device, parameters, more, scalars, room).CreateFrame();

    /// <summary>From now on <c>backward</c> adds gradients into this frame, those of the parameters that it is made for.</summary>
    public void Bind(Frame frame)
    {
        var memory = (GradientMemory)frame.Owner!;
        if (!ReferenceEquals(memory, bound))
        {
            memory.Bind();
            bound = memory;
        }
    }

    /// <summary>What stands before the names of a network's tensors.</summary>
    internal static string Prefix(string network) => network.Length > 0 ? $"{network}." : "";

    public void Dispose()
    {
        foreach (var place in places)
        {
            place.Parameter.grad = null;
        }
        Values.Dispose();
    }

    /// <summary>
    /// A parameter takes its memory from a tensor, which TorchSharp goes on counting as alive. Parameters of recurrent layers do
    /// not: libtorch makes them.
    /// </summary>
    internal static int GhostsOf(nn.Module module) => module.modules().Prepend(module).Distinct()
        .Where(part => part is not (LSTM or GRU or RNN))
        .Sum(part => part.named_parameters(recurse: false).Count());

    private sealed class GradientMemory : FrameMemory
    {
        private readonly List<(Parameter Parameter, Tensor View)> views = [];

        public GradientMemory(ReplicaDevice device, IReadOnlyList<FlatParameter> parameters, long more, int scalars, long room)
            : base(device, parameters.Sum(parameter => parameter.Room) + more, scalars, room)
        {
            var start = 0L;
            foreach (var (_, _, parameter, _, taken) in parameters)
            {
                using var slice = Part(start, parameter.numel());
                views.Add((parameter, slice.view(parameter.shape)));
                start += taken;
            }
        }

        public void Bind()
        {
            foreach (var (parameter, view) in views)
            {
                parameter.grad = view;
            }
        }

        public override void Dispose()
        {
            foreach (var (_, view) in views)
            {
                view.Dispose();
            }
            base.Dispose();
        }
    }
}

/// <summary>A parameter and its place in the flat tensor.</summary>
/// <param name="Network">The number of its network.</param>
/// <param name="Start">Floats before it.</param>
/// <param name="Room">Floats that it takes, padding included.</param>
internal readonly record struct FlatParameter(int Network, string Name, Parameter Parameter, long Start, long Room);
