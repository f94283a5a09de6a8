using System.Runtime.InteropServices;
using System.Text.Json;
using Granary.Training.Files;
using Granary.Training.Runs;
using Granary.Training.Tasks;

namespace Granary.Training.Checkpoints;

/// <summary>Weights that a run begins with, out of safetensors files: of an earlier run, or of any program that writes the format.</summary>
public static class InitialWeights
{
    private const string ModelIndex = "model.safetensors.index.json", IndexEnd = ".index.json", FileEnd = ".safetensors", OnnxEnd = ".onnx";
    private const int LargestIndex = 100_000_000, MostNamed = 20;

    // PyTorch's count of the batches that a normalization has seen, which is no float. Here it follows from the updates.
    private const string BatchCount = ".num_batches_tracked";

    /// <summary>The files that hold the weights.</summary>
    /// <param name="path">
    /// A safetensors file; an index of several, as Hugging Face writes it; an ONNX file, whose weights are named by what uses them, such as
    /// <c>Conv.0.weight</c>; a folder with one of these; or the directory of a run, whose best checkpoint is taken.
    /// </param>
    /// <exception cref="TrainingDataException">There is nothing of the kind.</exception>
    public static IReadOnlyList<string> FilesAt(string path)
    {
        if (File.Exists(path))
        {
            return path.EndsWith(IndexEnd, StringComparison.OrdinalIgnoreCase) ? ReadIndex(path) : [path];
        }
        if (!Directory.Exists(path))
        {
            throw new TrainingDataException($"There are no weights at '{path}'. Give a safetensors file, a folder with one, or the directory of a run, as the silo sees it.");
        }
        if (Path.Combine(path, ModelIndex) is var index && File.Exists(index))
        {
            return ReadIndex(index);
        }
        if (Path.Combine(path, CheckpointStore.ModelFile) is var model && File.Exists(model))
        {
            return [model];
        }
        if (new CheckpointStore(path).Best() is { } best)
        {
            return [best.ModelPath];
        }
        string[] found = [.. Directory.GetFiles(path, $"*{FileEnd}"), .. Directory.GetFiles(path, $"*{OnnxEnd}")];
        return found.Length == 1 ? found : throw new TrainingDataException($"'{path}' has no {CheckpointStore.ModelFile} and no checkpoint, and {found.Length} other files in the format. Give the path of one.");
    }

    /// <summary>Fills the model with the weights, if the spec names any.</summary>
    /// <param name="task">What the model is of: the names that transformers give its tensors are understood, and advice names its settings. Default: names are the model's own.</param>
    /// <exception cref="TrainingDataException">
    /// The files are not sound, or do not fit the model: all that is missing, left over or of another shape is listed, and nothing is changed.
    /// </exception>
    public static void Load(TrainingSpec spec, ReplicaState state, ITrainingTask? task = null)
    {
        if (spec.Init is not { } path)
        {
            return;
        }
        try
        {
            var known = task?.HuggingFace is { } format ? new WeightMap(format.OtherNames.Concat(format.Names)) : null;
            foreach (var (tensor, source) in Plan(path, new(spec.InitMap, known), state, shapes => Advice(spec, task, shapes)))
            {
                source.CopyTo(tensor);
            }
        }
        catch (CheckpointException error)
        {
            throw new TrainingDataException(error.Message, error);
        }
    }

    /// <summary>Which tensor of which file each tensor of the model is filled from.</summary>
    /// <param name="advice">What would help, from the shapes that were found.</param>
    private static List<(StateTensor Tensor, Source Source)> Plan(string path, WeightMap map, ReplicaState state, Func<IReadOnlyDictionary<string, long[]>, string> advice)
    {
        var model = state.Tensors.Where(tensor => tensor.Kind == StateKind.Model).ToDictionary(tensor => tensor.Name);
        var (plan, met) = (new List<(StateTensor Tensor, Source Source)>(), new List<StateTensor>());
        List<string> foreign = [], misshapen = [], mistyped = [], twofold = [];
        var shapes = new Dictionary<string, long[]>();
        foreach (var source in FilesAt(path).SelectMany(SourcesIn))
        {
            if (map.NameInModel(source.Name) is not { } name || (!model.ContainsKey(name) && name.EndsWith(BatchCount, StringComparison.Ordinal)))
            {
                continue;
            }
            shapes[name] = source.Shape;
            var called = name == source.Name ? $"'{name}'" : $"'{source.Name}' (here '{name}')";
            if (!model.TryGetValue(name, out var tensor))
            {
                foreign.Add(called);
            }
            else if (!source.Shape.SequenceEqual(tensor.Shape))
            {
                misshapen.Add($"{called} of [{string.Join(", ", source.Shape)}] in the file and [{string.Join(", ", tensor.Shape)}] in the model");
                met.Add(tensor);
            }
            else if (!source.IsFloat)
            {
                mistyped.Add($"{called} of {source.Type}");
                met.Add(tensor);
            }
            else if (plan.Find(entry => entry.Tensor == tensor) is { Source: { } twice })
            {
                if (!source.Holds(twice))
                {
                    twofold.Add($"'{name}' from '{twice.Name}' and '{source.Name}', which differ");
                }
            }
            else
            {
                plan.Add((tensor, source));
                met.Add(tensor);
            }
        }
        string[] complaints =
        [
            .. Listed("of another shape", misshapen), .. Listed("of a type other than F32, F16 and BF16", mistyped), .. Listed("not in the model", foreign),
            .. Listed("not in the file", Missing(model.Values, met, map)), .. Listed("filled twice", twofold), .. Listed("rules that fit nothing", [.. map.Unused]),
        ];
        return complaints.Length == 0 ? plan : throw new TrainingDataException(
            $"The weights at '{path}' do not fit the model: {string.Join("; ", complaints)}. Say with --map from=to what is called otherwise, with from= what of the file to leave out, and with =to what of the model begins anew.{advice(shapes)}");
    }

    private static string Advice(TrainingSpec spec, ITrainingTask? task, IReadOnlyDictionary<string, long[]> shapes)
    {
        if (task?.HuggingFace is not { } format)
        {
            return "";
        }
        var set = TaskSettings.Complete(task, spec.Settings);
        string[] others = [.. format.SettingsOf(shapes).Where(setting => set[setting.Key] != setting.Value).Select(setting => $"--set {setting.Key}={setting.Value}")];
        return others.Length == 0 ? "" : $" The shapes in the file are those of {string.Join(' ', others)}.";
    }

    /// <summary>Of tied tensors one is enough.</summary>
    private static unsafe List<string> Missing(IReadOnlyCollection<StateTensor> model, IEnumerable<StateTensor> met, WeightMap map)
    {
        var settled = met.Concat(model.Where(tensor => map.StaysAsMade(tensor.Name))).Select(tensor => (nint)tensor.Pointer).ToHashSet();
        return [.. model.Where(tensor => !settled.Contains((nint)tensor.Pointer)).Select(tensor => $"'{tensor.Name}'")];
    }

    private static IEnumerable<string> Listed(string what, List<string> names) => names.Count == 0 ? [] :
        [$"{what}: {string.Join(", ", names.Take(MostNamed))}{(names.Count > MostNamed ? $" and {names.Count - MostNamed} more" : "")}"];

    private static List<Source> SourcesIn(string file)
    {
        var header = file.EndsWith(OnnxEnd, StringComparison.OrdinalIgnoreCase) ? Use(file, stream => OnnxHeader.Read(stream, file)) : Safetensors.Use(file, (_, header) => header);
        return [.. header.Tensors.OrderBy(tensor => tensor.Key, StringComparer.Ordinal).Select(tensor => new Source(file, tensor.Key, tensor.Value, header.ValuesStart))];
    }

    private static T Use<T>(string file, Func<FileStream, T> use)
    {
        try
        {
            using var stream = RegularFile.Open(file);
            return use(stream);
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            throw new CheckpointException($"'{file}' cannot be read: {error.Message}", error);
        }
    }

    private static List<string> ReadIndex(string path)
    {
        try
        {
            using var stream = RegularFile.Open(path);
            if (stream.Length > LargestIndex)
            {
                throw new TrainingDataException($"'{path}' has {stream.Length} bytes: no index that is believed to be one.");
            }
            using var index = JsonDocument.Parse(stream);
            var names = index.RootElement.GetProperty("weight_map").EnumerateObject().Select(entry => entry.Value.GetString()!).Distinct().Order(StringComparer.Ordinal).ToList();
            return names.Find(name => Path.GetFileName(name) != name || !name.EndsWith(FileEnd, StringComparison.Ordinal)) is { } odd
                ? throw new TrainingDataException($"'{path}' names '{odd}', which is no safetensors file beside it.")
                : [.. names.Select(name => Path.Combine(Path.GetDirectoryName(path)!, name))];
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new TrainingDataException($"'{path}' is no index of safetensors files: {error.Message}", error);
        }
        catch (Exception error) when (error.IsStorageFault())
        {
            throw new TrainingDataException($"'{path}' cannot be read: {error.Message}", error);
        }
    }

    /// <summary>A tensor in a file.</summary>
    private sealed record Source(string File, string Name, SafetensorsEntry Entry, long ValuesStart)
    {
        private const int Piece = 1 << 20;

        public string Type => Entry.Type;

        public long[] Shape => Entry.Shape;

        /// <summary>Whether both are the same tensor, which a file may hold under each of its names.</summary>
        public bool Holds(Source other) => Type == other.Type && Shape.SequenceEqual(other.Shape) && Use(File, mine => Use(other.File, theirs =>
        {
            var (left, right) = (new byte[Piece], new byte[Piece]);
            (mine.Position, theirs.Position) = (ValuesStart + Entry.Begin, other.ValuesStart + other.Entry.Begin);
            for (var rest = Entry.End - Entry.Begin; rest > 0; rest -= Piece)
            {
                Span<byte> here = left.AsSpan(0, (int)Math.Min(Piece, rest)), there = right.AsSpan(0, here.Length);
                mine.ReadExactly(here);
                theirs.ReadExactly(there);
                if (!here.SequenceEqual(there))
                {
                    return false;
                }
            }
            return true;
        }));

        public bool IsFloat => Type is SafetensorsHeader.Float32 or "F16" or "BF16";

        public void CopyTo(StateTensor tensor) => Use(File, stream =>
        {
            var width = Type == SafetensorsHeader.Float32 ? sizeof(float) : sizeof(ushort);
            var bytes = new byte[Piece * width];
            stream.Position = ValuesStart + Entry.Begin;
            for (var start = 0L; start < tensor.Length; start += Piece)
            {
                var values = tensor.Part(start, Math.Min(Piece, tensor.Length - start));
                var read = bytes.AsSpan(0, values.Length * width);
                stream.ReadExactly(read);
                Widen(read, values);
            }
            return true;
        });

        private void Widen(ReadOnlySpan<byte> bytes, Span<float> values)
        {
            switch (Type)
            {
                case SafetensorsHeader.Float32:
                    MemoryMarshal.Cast<byte, float>(bytes).CopyTo(values);
                    break;
                case "F16":
                    var halves = MemoryMarshal.Cast<byte, Half>(bytes);
                    for (var i = 0; i < values.Length; i++)
                    {
                        values[i] = (float)halves[i];
                    }
                    break;
                default:
                    var upper = MemoryMarshal.Cast<byte, ushort>(bytes);
                    for (var i = 0; i < values.Length; i++)
                    {
                        values[i] = BitConverter.UInt32BitsToSingle((uint)upper[i] << 16);
                    }
                    break;
            }
        }
    }
}
