using System.Text.Json;
using Granary.Training.Files;

namespace Granary.Training.Tasks;

/// <summary>The <c>config.json</c> beside a model's weights, as Hugging Face's transformers write it. What is not told there has their default.</summary>
public sealed class HuggingFaceConfig
{
    /// <summary>Its name.</summary>
    public const string FileName = "config.json";

    private const string ModelFile = "model.safetensors";
    private const int Largest = 10_000_000;
    private readonly string path;
    private readonly JsonElement root;

    private HuggingFaceConfig(string path, JsonElement root) => (this.path, this.root) = (path, root);

    /// <summary>That of weights at a path: of a folder, or beside a <c>model.safetensors</c> or its index; <see langword="null"/>: there is none.</summary>
    /// <exception cref="TrainingDataException">It cannot be read, or is none.</exception>
    public static HuggingFaceConfig? At(string weights) => PathAt(weights) is { } path ? Read(path) : null;

    /// <summary>Where it lies; <see langword="null"/>: there is none.</summary>
    public static string? PathAt(string weights)
    {
        var folder = Directory.Exists(weights) ? weights : Path.GetFileName(weights).StartsWith(ModelFile, StringComparison.Ordinal) ? Path.GetDirectoryName(Path.GetFullPath(weights)) : null;
        return folder is not null && Path.Combine(folder, FileName) is var path && File.Exists(path) ? path : null;
    }

    /// <summary>Another file of the kind beside it; <see langword="null"/>: there is none of the name.</summary>
    /// <exception cref="TrainingDataException">It cannot be read, or is none.</exception>
    public HuggingFaceConfig? Beside(string name) => PathBeside(name) is { } file ? Read(file) : null;

    /// <summary>A file beside it; <see langword="null"/>: there is none of the name.</summary>
    public string? PathBeside(string name) => Path.Combine(Path.GetDirectoryName(path)!, name) is var file && File.Exists(file) ? file : null;

    /// <summary>A whole number from 1 on.</summary>
    /// <param name="otherwise">Where it is not told. Default: it must be.</param>
    /// <exception cref="TrainingDataException"/>
    public int Count(string name, int? otherwise = null) => Get(name) switch
    {
        null => otherwise ?? throw new TrainingDataException($"'{path}' does not tell '{name}'. Is it the config.json of these weights?"),
        { ValueKind: JsonValueKind.Number } value when value.TryGetInt32(out var count) && count > 0 => count,
        { } value => throw Wrong(name, value, "a whole number from 1 on"),
    };

    /// <summary>Whole numbers from 1 on.</summary>
    /// <inheritdoc cref="Count"/>
    public IReadOnlyList<int> Counts(string name, IReadOnlyList<int> otherwise) => Get(name) switch
    {
        null => otherwise,
        { ValueKind: JsonValueKind.Array } value when value.GetArrayLength() > 0 && value.EnumerateArray().All(one => one.ValueKind == JsonValueKind.Number && one.TryGetInt32(out var count) && count > 0) =>
            [.. value.EnumerateArray().Select(one => one.GetInt32())],
        { } value => throw Wrong(name, value, "whole numbers from 1 on"),
    };

    /// <summary>A number.</summary>
    /// <inheritdoc cref="Count"/>
    public double Number(string name, double otherwise) => Get(name) switch
    {
        null => otherwise,
        { ValueKind: JsonValueKind.Number } value => value.GetDouble(),
        { } value => throw Wrong(name, value, "a number"),
    };

    /// <summary>A text.</summary>
    /// <inheritdoc cref="Count"/>
    public string Text(string name, string otherwise) => Get(name) switch
    {
        null => otherwise,
        { ValueKind: JsonValueKind.String } value => value.GetString()!,
        { } value => throw Wrong(name, value, "a text"),
    };

    /// <summary>Yes or no.</summary>
    /// <inheritdoc cref="Count"/>
    public bool Flag(string name, bool otherwise) => Get(name) switch
    {
        null => otherwise,
        { ValueKind: JsonValueKind.True or JsonValueKind.False } value => value.GetBoolean(),
        { } value => throw Wrong(name, value, "true or false"),
    };

    /// <summary>Refuses a network of another kind.</summary>
    /// <param name="wanted">The only value that will do.</param>
    /// <param name="otherwise">What stands for a value that is not told. Default: the one that will do.</param>
    /// <exception cref="TrainingDataException"/>
    public void Demand(string name, string wanted, string? otherwise = null)
    {
        if ((Get(name)?.ToString() ?? otherwise ?? wanted) is var found && !string.Equals(found, wanted, StringComparison.OrdinalIgnoreCase))
        {
            throw Other(name, found, wanted);
        }
    }

    /// <inheritdoc cref="Demand(string, string, string?)"/>
    public void Demand(string name, double wanted, double? otherwise = null)
    {
        if (Number(name, otherwise ?? wanted) is var found && found != wanted)
        {
            throw Other(name, $"{found}", $"{wanted}");
        }
    }

    /// <summary>A refusal of a network of another kind.</summary>
    /// <param name="wanted">What would do.</param>
    public TrainingDataException Other(string name, string found, string wanted) =>
        new($"'{path}' tells of a network that this task does not have: '{name}' is {found}, and {wanted} is wanted.");

    private static HuggingFaceConfig Read(string path)
    {
        try
        {
            using var stream = RegularFile.Open(path);
            if (stream.Length > Largest)
            {
                throw new TrainingDataException($"'{path}' has {stream.Length} bytes: more than such a file is believed to have.");
            }
            using var document = JsonDocument.Parse(stream);
            return document.RootElement.ValueKind == JsonValueKind.Object ? new(path, document.RootElement.Clone()) : throw new TrainingDataException($"'{path}' is no object of JSON.");
        }
        catch (JsonException error)
        {
            throw new TrainingDataException($"'{path}' is no JSON: {error.Message}", error);
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            throw new TrainingDataException($"'{path}' cannot be read: {error.Message}", error);
        }
    }

    private JsonElement? Get(string name) => root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private TrainingDataException Wrong(string name, JsonElement value, string wanted) => new($"'{path}' has '{name}' as {value}: {wanted} is wanted.");
}
