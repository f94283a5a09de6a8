using Granary.Training.Runs;

namespace Granary.Contracts;

/// <summary>A spec between silos: as the JSON that checkpoints hold, so that there is one form of it.</summary>
[GenerateSerializer, Immutable]
public struct RunSpecSurrogate
{
    [Id(0)]
    public string Json;
}

[RegisterConverter]
public sealed class RunSpecConverter : IConverter<RunSpec, RunSpecSurrogate>
{
    public RunSpec ConvertFromSurrogate(in RunSpecSurrogate surrogate) => RunSpec.FromJson(surrogate.Json);

    public RunSpecSurrogate ConvertToSurrogate(in RunSpec value) => new() { Json = value.ToJson() };
}

[GenerateSerializer, Immutable]
public struct SpecExceptionSurrogate
{
    [Id(0)]
    public string Message;
}

[RegisterConverter]
public sealed class SpecExceptionConverter : IConverter<SpecException, SpecExceptionSurrogate>
{
    public SpecException ConvertFromSurrogate(in SpecExceptionSurrogate surrogate) => new(surrogate.Message);

    public SpecExceptionSurrogate ConvertToSurrogate(in SpecException value) => new() { Message = value.Message };
}
