using Granary.Training.Frames;
using Granary.Training.Runs;

namespace Granary.Training.Checkpoints;

/// <summary>What a manifest may say: every value is checked once, here, before any is believed.</summary>
internal static class ManifestRules
{
    /// <summary>Bytes of the largest manifest that is read.</summary>
    public const int LargestManifest = 1 << 20;

    private const int MostFiles = 100, LongestName = 255;

    /// <returns>The first thing that is wrong, in words; <see langword="null"/>: nothing is.</returns>
    public static string? Complaint(CheckpointManifest manifest)
    {
        return manifest switch
        {
            { Step: < 0 } => $"step is {manifest.Step}",
            { TotalSteps: < 1 } => $"total_steps is {manifest.TotalSteps}",
            { StepsPerEpoch: < 1 } => $"steps_per_epoch is {manifest.StepsPerEpoch}",
            { Replicas: < 1 or > ShardLedger.MostShards } => $"replicas is {manifest.Replicas}",
            _ when manifest.Agreed < 1 || manifest.Agreed > manifest.Replicas => $"agreed is {manifest.Agreed}, of {manifest.Replicas} replicas",
            { Files.Count: > MostFiles } => $"it lists {manifest.Files.Count} files",
            _ when SpecRules.Complaint(manifest.Spec) is { } complaint => $"of its spec, {complaint}",
            _ when !IsHash(manifest.WeightsSha256) => "weights_sha256 is no hash",
            _ when manifest.Files.Keys.FirstOrDefault(name => !IsPlainName(name)) is { } name => $"'{name}' is no name of a file beside it",
            _ when manifest.Files.FirstOrDefault(file => !IsHash(file.Value)).Key is { } name => $"what it says of {name} is no hash",
            _ when CheckpointStore.StateFiles.FirstOrDefault(name => !manifest.Files.ContainsKey(name)) is { } name => $"it does not vouch for {name}",
            _ => null,
        };
    }

    /// <summary>A visible file of the manifest's own folder, but not the manifest itself.</summary>
    private static bool IsPlainName(string name) =>
        name is not ("" or CheckpointManifest.FileName) && name.Length <= LongestName && name[0] != '.' && !name.AsSpan().ContainsAny('/', '\\', ':') && !name.Any(char.IsControl);

    private static bool IsHash(string? text) => text is { Length: 64 } && text.All(char.IsAsciiHexDigitLower);
}
