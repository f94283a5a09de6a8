namespace Granary.Torch.Onnx;

/// <summary>A module of one's own that says what it computes as operations of ONNX; libtorch's own modules are known, see <see cref="OnnxGraph.Add"/>.</summary>
public interface IOnnxModule
{
    /// <summary>Adds what the module does, in evaluation mode, to its input.</summary>
    /// <returns>Its output.</returns>
    OnnxValue Describe(OnnxGraph graph, OnnxValue input);
}

/// <summary>What an operation of a graph has made, or one of the graph's inputs.</summary>
/// <param name="Name">Within the graph.</param>
public readonly record struct OnnxValue(string Name);

/// <summary>The length of a dimension of an input or output: a number, or a name, which may stand for any number.</summary>
public readonly record struct OnnxLength
{
    internal long? Number { get; private init; }

    internal string? Name { get; private init; }

    /// <summary>A length that is always the same.</summary>
    public static implicit operator OnnxLength(long number) => new() { Number = number };

    /// <summary>A length that differs from use to use: <c>batch</c>, <c>time</c>.</summary>
    public static implicit operator OnnxLength(string name) => new() { Name = name };
}
