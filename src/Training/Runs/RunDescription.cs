using System.Text.Json;
using Granary.Training.Files;
using Granary.Training.Tasks;

namespace Granary.Training.Runs;

/// <summary>What a run is, in <c>run.json</c> of its directory from its first round on: for people who look before there is a checkpoint, or where none came about.</summary>
/// <param name="Unit">What its speed is counted in: tokens, words, images, samples.</param>
/// <param name="Started">When its first round began.</param>
public sealed record RunDescription(RunSpec Spec, long TotalSteps, long StepsPerEpoch, Measure Measure, string Unit, DateTimeOffset Started)
{
    /// <summary>Its name within a run directory.</summary>
    public const string FileName = "run.json";
    private const long Largest = 1 << 24;

    private static readonly JsonSerializerOptions json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <summary>Replaces what is there. A run that goes on has started when it first did.</summary>
    /// <exception cref="IOException">The disk does not take it.</exception>
    public void Write(string runDirectory)
    {
        var path = Path.Combine(runDirectory, FileName);
        var before = Read(runDirectory);
        var rewritten = path + ".partial";
        File.WriteAllBytes(rewritten, JsonSerializer.SerializeToUtf8Bytes(before is null ? this : this with { Started = before.Started }, json));
        File.Move(rewritten, path, overwrite: true);
    }

    /// <summary><see langword="null"/>: there is none that can be read.</summary>
    public static RunDescription? Read(string runDirectory)
    {
        try
        {
            var path = Path.Combine(runDirectory, FileName);
            if (!Path.Exists(path))
            {
                return null;
            }
            using var file = RegularFile.Open(path);
            return file.Length > Largest ? null : JsonSerializer.Deserialize<RunDescription>(file, json);
        }
        catch (Exception error) when (error is JsonException || error.IsStorageFault())
        {
            return null;
        }
    }
}
