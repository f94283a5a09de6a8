using Granary.Training.Runs;

namespace Granary.Contracts;

/// <summary>A spec between silos: as the JSON that checkpoints hold, so that there is one form of it.</summary>
[GenerateSerializer, Immutable]
public struct RunSpecSurrogate
{
    /// <summary>The spec as text.</summary>
    [Id(0)]
    public string Json;
}

/// <summary>Converts specs to their text, and back.</summary>
[RegisterConverter]
public sealed class RunSpecConverter : IConverter<RunSpec, RunSpecSurrogate>
{
    /// <inheritdoc/>
    public RunSpec ConvertFromSurrogate(in RunSpecSurrogate surrogate) => RunSpec.FromJson(surrogate.Json);

    /// <inheritdoc/>
    public RunSpecSurrogate ConvertToSurrogate(in RunSpec value) => new() { Json = value.ToJson() };
}

/// <summary>What travels of a <see cref="SpecException"/>.</summary>
[GenerateSerializer, Immutable]
public struct SpecExceptionSurrogate
{
    /// <summary>What it says.</summary>
    [Id(0)]
    public string Message;
}

/// <summary>Converts such exceptions to what travels of them, and back.</summary>
[RegisterConverter]
public sealed class SpecExceptionConverter : IConverter<SpecException, SpecExceptionSurrogate>
{
    /// <inheritdoc/>
    public SpecException ConvertFromSurrogate(in SpecExceptionSurrogate surrogate) => new(surrogate.Message);

    /// <inheritdoc/>
    public SpecExceptionSurrogate ConvertToSurrogate(in SpecException value) => new() { Message = value.Message };
}
