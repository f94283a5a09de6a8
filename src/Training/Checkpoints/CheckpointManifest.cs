using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Granary.Training.Files;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Training.Checkpoints;

/// <summary>What <c>run.json</c> of a checkpoint says. Written last; it vouches for the other files and for itself.</summary>
public sealed record CheckpointManifest
{
    /// <summary>Its name within a checkpoint.</summary>
    public const string FileName = "run.json";
    /// <summary>The format that this version writes and reads.</summary>
    public const int CurrentFormat = 2;

    private static readonly JsonSerializerOptions json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>The format of this manifest.</summary>
    public int Format { get; init; } = CurrentFormat;

    /// <summary>All that was asked for, with the switches that were in force.</summary>
    public required RunSpec Spec { get; init; }

    /// <summary>Steps committed.</summary>
    public required long Step { get; init; }

    /// <summary>Steps that the run shall have.</summary>
    public required long TotalSteps { get; init; }

    /// <summary>Steps that go once through the data.</summary>
    public required long StepsPerEpoch { get; init; }

    /// <summary>The last values known at this step.</summary>
    public required SortedDictionary<string, double> Metrics { get; init; }

    /// <summary>The scalars of the state.</summary>
    public required SortedDictionary<string, double> Scalars { get; init; }

    /// <summary>What says how good the model is.</summary>
    public required Measure Measure { get; init; }

    /// <summary>See <see cref="WeightsHash"/>.</summary>
    public required string WeightsSha256 { get; init; }

    /// <summary>How many replicas were found to have this very state.</summary>
    public required int Agreed { get; init; }

    /// <summary>How many replicas there were. If not all agreed, the round broke off before they could be compared.</summary>
    public required int Replicas { get; init; }

    /// <summary>When it was written.</summary>
    public required DateTimeOffset Written { get; init; }

    /// <summary>SHA-256 of each other file of the checkpoint.</summary>
    public required SortedDictionary<string, string> Files { get; init; }

    /// <summary>SHA-256 of this text with the hash left empty.</summary>
    public string Sha256 { get; init; } = "";

    /// <summary>Whether all replicas had this state: only such a checkpoint is gone back to when states differ.</summary>
    [JsonIgnore]
    public bool IsAgreed => Agreed == Replicas;

    /// <summary>The value of the measure at this step, if known.</summary>
    [JsonIgnore]
    public double? Score => Metrics.TryGetValue(Measure.Metric, out var value) ? value : null;

    /// <summary>Whether this is the better checkpoint. One without a finite value of a validation never does.</summary>
    public bool Beats(CheckpointManifest? other) =>
        Validated is { } score && (other?.Validated is not { } known || Measure.IsBetter(score, known));

    [JsonIgnore]
    internal double? Validated => Measure.Occasional && Score is { } score && double.IsFinite(score) ? score : null;

    /// <summary>What can be said of one replica at a step, compared with no other; the hashes are added when the checkpoint is written.</summary>
    public static CheckpointManifest Of(RunSpec spec, ITrainingReplica replica, long step) => new()
    {
        Spec = spec,
        Step = step,
        TotalSteps = replica.TotalSteps,
        StepsPerEpoch = replica.StepsPerEpoch,
        Metrics = new(StringComparer.Ordinal),
        Scalars = new(replica.State.Scalars, StringComparer.Ordinal),
        Measure = replica.Measure,
        WeightsSha256 = "",
        Agreed = 1,
        Replicas = 1,
        Written = DateTimeOffset.UnixEpoch,
        Files = new(StringComparer.Ordinal),
    };

    /// <summary>The text of the file, with its hash.</summary>
    public byte[] ToBytes()
    {
        var unsigned = JsonSerializer.SerializeToUtf8Bytes(this with { Sha256 = "" }, json);
        return JsonSerializer.SerializeToUtf8Bytes(this with { Sha256 = Convert.ToHexStringLower(SHA256.HashData(unsigned)) }, json);
    }

    /// <exception cref="CheckpointException">See <see cref="Parse"/>; or the file is larger than any manifest.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static CheckpointManifest Read(string path)
    {
        using var file = RegularFile.Open(path, followLink: false);
        if (file.Length > ManifestRules.LargestManifest)
        {
            throw new CheckpointException($"{path} has {file.Length} bytes, {ManifestRules.LargestManifest} at most can be.");
        }
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return Parse(bytes, path);
    }

    /// <exception cref="CheckpointException">The text was altered, even by a byte, is of another format, or says what cannot be.</exception>
    public static CheckpointManifest Parse(byte[] bytes, string path)
    {
        CheckpointManifest? manifest = null;
        try
        {
            manifest = JsonSerializer.Deserialize<CheckpointManifest>(bytes, json);
        }
        catch (JsonException error)
        {
            throw new CheckpointException($"{path} is not readable: {error.Message}", error);
        }
        if (manifest is not null && manifest.Format != CurrentFormat)
        {
            throw new CheckpointException($"{path} has format {manifest.Format}, known is {CurrentFormat}. Use the version of Granary that wrote it.");
        }
        if (manifest is null || !IsWhole(bytes, manifest.Sha256))
        {
            throw new CheckpointException($"{path} was altered after it was written.");
        }
        return ManifestRules.Complaint(manifest) is { } complaint ? throw new CheckpointException($"{path} makes no sense: {complaint}.") : manifest;
    }

    /// <summary>Checks the text as it is, so that a version that knows more fields than the one that wrote it can check it, too.</summary>
    private static bool IsWhole(ReadOnlySpan<byte> text, string sha256)
    {
        // The hash is the last field.
        var signed = Encoding.UTF8.GetBytes($"\"sha256\": \"{sha256}\"\n}}");
        return sha256.Length > 0 && text.EndsWith(signed) && Convert.ToHexStringLower(SHA256.HashData([.. text[..^signed.Length], .. "\"sha256\": \"\"\n}"u8])) == sha256;
    }
}
