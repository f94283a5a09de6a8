using System.Runtime.InteropServices;
using Granary.Training.Frames;
using Granary.Training.Tasks;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>
/// A module's parameters as views of one flat tensor, and gradient frames that <c>backward</c> fills in place: what the
/// exchange sends and the optimizer reads is libtorch's own memory. Tied parameters have one place and several names. Frozen ones,
/// which want no gradient when this is made, lie behind the others: they belong to the state, and to no frame.
/// </summary>
public sealed unsafe class FlatParameters : IDisposable
{
    // 64 bytes: every parameter starts on a cache line and a vector register.
    private const int Alignment = 16;
    private readonly List<(string Name, Parameter Parameter, int Offset)> places = [];
    private readonly List<(string Name, int Place)> aliases = [];
    private readonly Tensor flat;
    private readonly int learning;
    private GradientMemory? bound;

    public FlatParameters(nn.Module module)
    {
        var known = new Dictionary<nint, int>();
        var whole = 0;
        // Sorting keeps the order of those that are alike.
        foreach (var (name, parameter) in module.named_parameters().OrderBy(entry => entry.parameter.requires_grad ? 0 : 1))
        {
            if (known.TryGetValue((nint)Pointer(parameter), out var place))
            {
                aliases.Add((name, place));
                continue;
            }
            known.Add((nint)Pointer(parameter), places.Count);
            places.Add((name, parameter, whole));
            whole += ((int)parameter.numel() + Alignment - 1) / Alignment * Alignment;
            (Length, learning) = parameter.requires_grad ? (whole, places.Count) : (Length, learning);
        }
        TorchRuntime.DoNotCount(GhostsOf(module));
        using var noGradient = torch.no_grad();
        flat = torch.zeros(whole);
        foreach (var (_, parameter, offset) in places)
        {
            using var slice = flat.narrow(0, offset, parameter.numel());
            using var view = slice.view(parameter.shape);
            view.copy_(parameter);
            parameter.set_(view);
        }
    }

    /// <summary>Floats of those that learn, padding included.</summary>
    public int Length { get; }

    /// <summary>Floats of all, frozen ones and padding included.</summary>
    public long WholeLength => flat.numel();

    /// <summary>Those that learn come first.</summary>
    public float* Values => Pointer(flat);

    /// <summary>The tensors as <c>state_dict</c> names them, each under the given prefix.</summary>
    public IEnumerable<StateTensor> State(string prefix = "")
    {
        var all = places.Select((place, index) => (place.Name, Place: index)).Concat(aliases);
        return [.. all.Select(name => new StateTensor(prefix + name.Name, places[name.Place].Parameter.shape, StateKind.Model, Values + places[name.Place].Offset))];
    }

    /// <summary>A frame whose values begin with this module's gradients, followed by <paramref name="carried"/> floats.</summary>
    public Frame CreateFrame(int carried, int scalars)
    {
        var values = Length + carried;
        var memory = new GradientMemory(Frame.SizeOf(values, scalars), places.Take(learning).Select(place => (place.Offset, place.Parameter.shape)));
        return new(Pointer(memory.Flat), values, scalars, owner: memory);
    }

    /// <summary>From now on <c>backward</c> adds gradients into this frame.</summary>
    public void Bind(Frame frame)
    {
        var memory = (GradientMemory)frame.Owner!;
        if (ReferenceEquals(memory, bound))
        {
            return;
        }
        for (var i = 0; i < learning; i++)
        {
            places[i].Parameter.grad = memory.Views[i];
        }
        bound = memory;
    }

    /// <summary>The memory of a contiguous CPU tensor.</summary>
    public static float* Pointer(Tensor tensor) => (float*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.bytes));

    public void Dispose()
    {
        foreach (var (_, parameter, _) in places)
        {
            parameter.grad = null;
        }
        flat.Dispose();
    }

    /// <summary>
    /// A parameter takes its memory from a tensor, which TorchSharp goes on counting as alive. Not so those of recurrent
    /// layers, which libtorch makes.
    /// </summary>
    private static int GhostsOf(nn.Module module) => module.modules().Prepend(module).Distinct()
        .Where(part => part is not (LSTM or GRU or RNN))
        .Sum(part => part.named_parameters(recurse: false).Count());

    private sealed class GradientMemory : IDisposable
    {
        public GradientMemory(int size, IEnumerable<(int Offset, long[] Shape)> places)
        {
            Flat = torch.zeros(size);
            Views = [.. places.Select(place =>
            {
                using var slice = Flat.narrow(0, place.Offset, place.Shape.Aggregate(1L, (product, length) => product * length));
                return slice.view(place.Shape);
            })];
        }

        public Tensor Flat { get; }

        public Tensor[] Views { get; }

        public void Dispose()
        {
            foreach (var view in Views)
            {
                view.Dispose();
            }
            Flat.Dispose();
        }
    }
}
